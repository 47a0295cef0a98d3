"""env-check as people write it: what must be set is set."""

import os
import sys

missing = [name for name in ("DATABASE_URL", "EDGEPAAS_DATA_DIR") if not os.environ.get(name)]
sys.exit(f"not set: {', '.join(missing)}" if missing else 0)
