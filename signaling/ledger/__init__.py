"""The one append-only, hash-chained ledger: every part writes its facts here and reads them from here."""
