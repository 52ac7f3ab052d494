"""The subcommands of `jiangtang`, one module each."""
