"""Every metric of the app, declared. Imports nothing of ours. docs/metrics.md is held to it.

With PROMETHEUS_MULTIPROC_DIR set before the import, prometheus_client writes to files there
and the sidecar sums them up; without it the numbers stay in this process.
"""

from prometheus_client import Counter, Gauge, Histogram

DURATION_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
REQUESTS = Counter(
    "edgepaas_http_requests",
    "Requests answered, by method, route template and class of status.",
    ["method", "route", "status"],
)
DURATION = Histogram(
    "edgepaas_http_request_duration_seconds",
    "Seconds from a request's head to its response's end.",
    ["method", "route", "status"],
    buckets=DURATION_BUCKETS,
)
IN_FLIGHT = Gauge(
    "edgepaas_http_requests_in_flight",
    "Requests being answered now.",
    ["method"],
    multiprocess_mode="livesum",
)
WEBSOCKETS = Gauge(
    "edgepaas_websocket_clients",
    "WebSocket clients connected now.",
    multiprocess_mode="livesum",
)
WEBSOCKET_CONNECTIONS = Counter(
    "edgepaas_websocket_connections",
    "WebSocket clients that were accepted.",
)
WEBSOCKET_OVERFLOWS = Counter(
    "edgepaas_websocket_overflows",
    "WebSocket clients closed because they read too slowly; their queue was dropped.",
)
WEBSOCKET_CLOSES = Counter(
    "edgepaas_websocket_closes",
    "WebSocket clients that we closed, by code (docs/events.md).",
    ["code"],
)
EVENTS_FOLLOWED = Counter(
    "edgepaas_events_followed",
    "Events read from the database to be sent to WebSocket clients.",
)
EVENT_WAKEUPS = Counter(
    "edgepaas_event_wakeups",
    "Looks for new events in the database, by what woke us.",
    ["source"],
)
EVENT_LAG = Gauge(
    "edgepaas_event_lag",
    "Events committed that wait for an older transaction to end; counted up to 1000.",
    multiprocess_mode="livemax",
)
EVENT_LAG_SECONDS = Gauge(
    "edgepaas_event_lag_seconds",
    "Seconds for which the first of these has waited, or the database has not answered.",
    multiprocess_mode="livemax",
)
WRONG_TOKENS = Counter(
    "edgepaas_wrong_tokens",
    "Bearer tokens shown that are none of ours.",
)
POOL_SIZE = Gauge(
    "edgepaas_db_pool_size",
    "Database connections that requests may have at once, over all workers.",
    multiprocess_mode="livesum",
)
POOL_IN_USE = Gauge(
    "edgepaas_db_pool_in_use",
    "Requests that work with the database now; each may have one connection.",
    multiprocess_mode="livesum",
)
POOL_WAITING = Gauge(
    "edgepaas_db_pool_waiting",
    "Requests that wait until a database connection is free.",
    multiprocess_mode="livesum",
)
CONNECTIONS = Gauge(
    "edgepaas_db_connections",
    "Open database connections, those for readiness and events too.",
    multiprocess_mode="livesum",
)
QUERY_DURATION = Histogram(
    "edgepaas_db_query_duration_seconds",
    "Seconds the database took for a statement, by its first word.",
    ["operation"],
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
DB_ERRORS = Counter(
    "edgepaas_db_errors",
    "Transactions that failed because of the database, by class (docs/metrics.md).",
    ["class"],
)
NODES = Gauge(
    "edgepaas_nodes",
    "Edge nodes by status, as the database has them; the same from every container.",
    ["status"],
    multiprocess_mode="livemostrecent",
)
DEPLOYMENTS = Gauge(
    "edgepaas_deployments",
    "Deployments by state, as the database has them; the same from every container.",
    ["state"],
    multiprocess_mode="livemostrecent",
)
FLEET_COUNTED = Gauge(
    "edgepaas_fleet_counted_timestamp_seconds",
    "When nodes and deployments were counted last, since the epoch.",
    multiprocess_mode="livemostrecent",
)
