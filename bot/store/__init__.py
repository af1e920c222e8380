"""The database: tables, engine, one module per aggregate, migrations."""
