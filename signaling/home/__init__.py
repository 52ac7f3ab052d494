"""Parents at home: links of classes, the households behind them, and what the server delivered to each of them."""
