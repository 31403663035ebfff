-- From the table otel_logs of the OpenTelemetry Collector (otelcol.yaml) into the tables of
-- clickhouse.sql, as rows come in. To make the views, when the tables of both are there:
--
--   clickhouse-client --database tcpconnect --multiquery < otelcol.sql

CREATE MATERIALIZED VIEW IF NOT EXISTS otel_logs_windows TO window_rows AS
SELECT
    ResourceAttributes['host.name'] AS host,
    toDateTime(Timestamp) AS time,
    toUInt32OrZero(LogAttributes['tcpconnect.window_s']) AS span,
    LogAttributes['tcpconnect.program'] AS program,
    multiIf(
        ResourceAttributes['container.name'] != '', ResourceAttributes['container.name'],
        ResourceAttributes['k8s.container.name'] != '',
        ResourceAttributes['k8s.container.name'],
        substring(ResourceAttributes['container.id'], 1, 12)
    ) AS container,
    LogAttributes['tcpconnect.unit'] AS unit,
    multiIf(
        ResourceAttributes['k8s.pod.name'] = '', ResourceAttributes['k8s.pod.uid'],
        ResourceAttributes['k8s.namespace.name'] = '', ResourceAttributes['k8s.pod.name'],
        ResourceAttributes['k8s.namespace.name'] || '/' || ResourceAttributes['k8s.pod.name']
    ) AS pod,
    toUInt32OrZero(LogAttributes['process.user.id']) AS uid,
    LogAttributes['server.address'] AS destination,
    toUInt16OrZero(LogAttributes['server.port']) AS dport,
    LogAttributes['dns.question.name'] AS query,
    LogAttributes['network.peer.address'] AS address,
    LogAttributes['tcpconnect.result'] AS result,
    LogAttributes['tcpconnect.why'] AS why,
    LogAttributes['error.type'] != '' AS failed,
    toUInt64OrZero(LogAttributes['tcpconnect.attempts']) AS attempts,
    toUInt64OrZero(LogAttributes['tcpconnect.latency_us']) AS latency_us,
    toUInt64OrZero(LogAttributes['tcpconnect.latency_max_us']) AS latency_max_us,
    CAST(
        arrayFilter(
            bucket -> bucket.2 > 0,
            arrayMap(
                (many, n) -> (toUInt8(n - 1), toUInt64(many)),
                JSONExtract(LogAttributes['tcpconnect.latencies'], 'Array(UInt64)') AS found,
                arrayEnumerate(found)
            )
        ),
        'Map(UInt8, UInt64)'
    ) AS latencies,
    toUInt64OrZero(LogAttributes['tcpconnect.dns_us']) AS dns_us,
    toUInt64OrZero(LogAttributes['tcpconnect.syns']) AS syns
FROM otel_logs
WHERE EventName = 'tcpconnect.window';

CREATE MATERIALIZED VIEW IF NOT EXISTS otel_logs_losses TO loss_rows AS
SELECT
    ResourceAttributes['host.name'] AS host,
    toDateTime(Timestamp) AS time,
    LogAttributes['tcpconnect.reason'] AS reason,
    toUInt64OrZero(LogAttributes['tcpconnect.lost']) AS lost
FROM otel_logs
WHERE EventName = 'tcpconnect.lost';

CREATE MATERIALIZED VIEW IF NOT EXISTS otel_logs_alerts TO alert_rows AS
SELECT
    ResourceAttributes['host.name'] AS host,
    toDateTime(Timestamp) AS time,
    replaceOne(EventName, 'tcpconnect.destination.', '') AS kind,
    LogAttributes['tcpconnect.program'] AS program,
    if(LogAttributes['server.address'] = '', '*', LogAttributes['server.address']) AS destination,
    toUInt16OrZero(LogAttributes['server.port']) AS dport,
    Body AS line
FROM otel_logs
WHERE startsWith(EventName, 'tcpconnect.destination.');
