"""`python local/clickhouse --data FOLDER [--port N]`: the ClickHouse engine behind ClickHouse's HTTP interface."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])

from clickhouse.server import main  # noqa: E402

sys.exit(main())
