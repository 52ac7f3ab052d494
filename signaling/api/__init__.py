"""What every route shares: problem documents, request parsing, OpenAPI, pages."""
