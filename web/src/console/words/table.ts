/** The sentences around every table. */
export const tableZh = {
  'table.columns': '显示列',
  'table.columns.first': '恢复默认列',
  'table.export': '导出当前结果',
  'table.export.as': '导出为 {format}',
  'table.exported': '已下载 {file}',
  'table.filters': '筛选条件',
  'table.remove': '去掉筛选条件：{filter}',
  'table.words': '含“{words}”',
  'table.clear': '清除筛选条件',
  'table.none': '没有符合条件的记录',
  'table.none.next': '换个条件试试，或清除筛选条件',
  'table.total': '共 {count} 条',
  'table.sort': '按{column}排序',
  'table.unit': '{label}：{value}',
} as const;

export const tableEn: Record<keyof typeof tableZh, string> = {
  'table.columns': 'Columns',
  'table.columns.first': 'Columns as they were',
  'table.export': 'Export what is shown',
  'table.export.as': 'Export as {format}',
  'table.exported': 'Downloaded {file}',
  'table.filters': 'Filters',
  'table.remove': 'Take the filter away: {filter}',
  'table.words': 'with “{words}”',
  'table.clear': 'Clear all filters',
  'table.none': 'Nothing fits',
  'table.none.next': 'Try something else, or clear the filters',
  'table.total': '{count} in all',
  'table.sort': 'Sort by {column}',
  'table.unit': '{label}: {value}',
};
