import { createApp } from 'vue';
import 'element-plus/theme-chalk/base.css';
import 'element-plus/theme-chalk/dark/css-vars.css';
import '../shared/theme.css';
import './console.css';
import { applyTheme } from '../shared/theme';
import App from './App.vue';

applyTheme();
createApp(App).mount('#app');
