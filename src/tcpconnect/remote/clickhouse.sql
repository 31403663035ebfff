-- The tables and views of tcpconnect in ClickHouse, for -o clickhouse://HOST/DATABASE and
-- history --db clickhouse://HOST/DATABASE. To make them:
--
--   clickhouse-client --database DATABASE --multiquery < clickhouse.sql
--
-- Recorders insert into window_rows, attempts, run_rows, loss_rows and alert_rows, and
-- need no more than INSERT on these. All times are UTC, durations are microseconds where
-- a name ends with _us, and text that there is none of is ''. Rows go (TTL) so many days
-- after they were received: recordings may be older.

-- The attempts that ended in the span seconds from time, on one host, of one program to
-- one destination (name, else address), with one outcome. latencies: how many took 2^n
-- to 2^(n+1)-1 us, by n; latency_us, dns_us and syns are sums.
CREATE TABLE IF NOT EXISTS window_rows
(
    host LowCardinality(String),
    time DateTime('UTC') CODEC(Delta, ZSTD),
    span UInt32,
    program LowCardinality(String),
    container LowCardinality(String),
    unit LowCardinality(String),
    pod LowCardinality(String),
    uid UInt32,
    destination String CODEC(ZSTD),
    dport UInt16,
    query String CODEC(ZSTD),
    address String CODEC(ZSTD),
    result LowCardinality(String),
    why LowCardinality(String),
    failed UInt8,
    attempts UInt64 CODEC(T64, ZSTD),
    latency_us UInt64 CODEC(T64, ZSTD),
    latency_max_us UInt64 CODEC(T64, ZSTD),
    latencies Map(UInt8, UInt64) CODEC(ZSTD),
    dns_us UInt64 CODEC(T64, ZSTD),
    syns UInt64 CODEC(T64, ZSTD),
    received Date DEFAULT today() CODEC(ZSTD)
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (toStartOfHour(time), program, destination, dport, result, host, time)
TTL received + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 10000;

-- Single attempts (?events=all or failed): the columns of tcpconnect -j. Texts are no
-- LowCardinality: parsing that takes three times as long. Sorted as they are, ZSTD(3)
-- makes as little of them; ZSTD(1) does not, of lengths that are all the same.
CREATE TABLE IF NOT EXISTS attempts
(
    host String CODEC(ZSTD(3)),
    time DateTime64(6, 'UTC') CODEC(Delta, ZSTD),
    uid UInt32,
    pid UInt32 CODEC(T64, ZSTD),
    tid UInt32 CODEC(T64, ZSTD),
    ppid UInt32 CODEC(T64, ZSTD),
    comm String CODEC(ZSTD(3)),
    exe String CODEC(ZSTD(3)),
    cmdline String CODEC(ZSTD(3)),
    ip UInt8,
    saddr String CODEC(ZSTD(3)),
    lport UInt16 CODEC(T64, ZSTD),
    daddr String CODEC(ZSTD(3)),
    dport UInt16 CODEC(ZSTD),
    asked String CODEC(ZSTD(3)),
    asked_port UInt16 CODEC(T64, ZSTD),
    netns UInt32 CODEC(T64, ZSTD),
    mntns UInt32 CODEC(T64, ZSTD),
    cgroup String CODEC(ZSTD(3)),
    cgroup_id UInt64 CODEC(T64, ZSTD),
    latency_ms Nullable(Decimal(18, 3)) CODEC(T64, ZSTD),
    result String CODEC(ZSTD(3)),
    why String CODEC(ZSTD(3)),
    why_from String CODEC(ZSTD(3)),
    syns UInt8,
    dns_ms Nullable(Decimal(18, 3)) CODEC(T64, ZSTD),
    query String CODEC(ZSTD(3)),
    query_source String CODEC(ZSTD(3)),
    query_scope String CODEC(ZSTD(3)),
    query_age_ms Nullable(Decimal(18, 3)) CODEC(T64, ZSTD),
    container String CODEC(ZSTD(3)),
    container_id String CODEC(ZSTD(3)),
    runtime String CODEC(ZSTD(3)),
    unit String CODEC(ZSTD(3)),
    pod String CODEC(ZSTD(3)),
    pod_uid String CODEC(ZSTD(3)),
    event String CODEC(ZSTD(3)),
    received Date DEFAULT today() CODEC(ZSTD)
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(time)
ORDER BY (toStartOfHour(time), exe, host, query, time)
TTL received + INTERVAL 30 DAY
SETTINGS non_replicated_deduplication_window = 10000;

-- When a recorder watched, from started to watched, in one boot; ended is the epoch
-- while it runs, or when it was killed. It is inserted again as it goes on.
CREATE TABLE IF NOT EXISTS run_rows
(
    host LowCardinality(String),
    boot String,
    version LowCardinality(String),
    options String,
    pid UInt32,
    started DateTime('UTC'),
    watched DateTime('UTC'),
    ended DateTime('UTC'),
    received Date DEFAULT today()
)
ENGINE = ReplacingMergeTree(watched)
ORDER BY (host, boot, pid, started)
TTL received + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 10000;

-- What was lost in the minute from time, by the reason.
CREATE TABLE IF NOT EXISTS loss_rows
(
    host LowCardinality(String),
    time DateTime('UTC') CODEC(Delta, ZSTD),
    reason LowCardinality(String),
    lost UInt64,
    received Date DEFAULT today()
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (host, time)
TTL received + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 10000;

-- What alerts have said: kind is new, failing or solved; line is the sentence.
CREATE TABLE IF NOT EXISTS alert_rows
(
    host LowCardinality(String),
    time DateTime('UTC') CODEC(Delta, ZSTD),
    kind LowCardinality(String),
    program LowCardinality(String),
    destination String,
    dport UInt16,
    line String,
    received Date DEFAULT today()
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (time, host)
TTL received + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 10000;

-- By hours, of all hosts together.
CREATE TABLE IF NOT EXISTS hour_rows
(
    hour DateTime('UTC') CODEC(Delta, ZSTD),
    program LowCardinality(String),
    destination String CODEC(ZSTD),
    dport UInt16,
    result LowCardinality(String),
    why LowCardinality(String),
    failed UInt8,
    attempts SimpleAggregateFunction(sum, UInt64),
    latency_us SimpleAggregateFunction(sum, UInt64),
    latency_max_us SimpleAggregateFunction(max, UInt64),
    latencies SimpleAggregateFunction(sumMap, Map(UInt8, UInt64)),
    dns_us SimpleAggregateFunction(sum, UInt64),
    syns SimpleAggregateFunction(sum, UInt64)
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(hour)
ORDER BY (hour, program, destination, dport, result, why, failed)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS window_rows_by_hour TO hour_rows AS
SELECT
    toStartOfHour(time) AS hour, program, destination, dport, result, why, failed,
    attempts, latency_us, latency_max_us, latencies, dns_us, syns
FROM window_rows;

CREATE VIEW IF NOT EXISTS hours AS
SELECT
    hour, program, destination, dport, result, why, failed,
    sum(attempts) AS attempts, sum(latency_us) AS latency_us,
    max(latency_max_us) AS latency_max_us, sumMap(latencies) AS latencies,
    sum(dns_us) AS dns_us, sum(syns) AS syns
FROM hour_rows
GROUP BY hour, program, destination, dport, result, why, failed;

-- A program and a destination that it has reached, or tried to, on a host.
CREATE TABLE IF NOT EXISTS pair_rows
(
    host LowCardinality(String),
    program LowCardinality(String),
    container LowCardinality(String),
    unit LowCardinality(String),
    pod LowCardinality(String),
    uid UInt32,
    destination String CODEC(ZSTD),
    dport UInt16,
    query SimpleAggregateFunction(anyLast, String),
    address SimpleAggregateFunction(anyLast, String),
    first_seen SimpleAggregateFunction(min, DateTime('UTC')),
    last_seen SimpleAggregateFunction(max, DateTime('UTC')),
    received SimpleAggregateFunction(max, Date) DEFAULT today()
)
ENGINE = AggregatingMergeTree
ORDER BY (program, destination, dport, host, container, unit, pod, uid)
TTL received + INTERVAL 400 DAY;

CREATE MATERIALIZED VIEW IF NOT EXISTS window_rows_by_pair TO pair_rows AS
SELECT
    host, program, container, unit, pod, uid, destination, dport, query, address,
    time AS first_seen, time AS last_seen
FROM window_rows;

-- Where a pair was seen first, and on how many hosts.
CREATE VIEW IF NOT EXISTS fleet_pairs AS
SELECT
    program, destination, dport, min(seen) AS first_seen, max(seen_last) AS last_seen,
    count() AS hosts, argMin(host, (seen, host)) AS first_host
FROM
(
    SELECT
        program, destination, dport, host, min(p.first_seen) AS seen,
        max(p.last_seen) AS seen_last
    FROM pair_rows AS p
    GROUP BY program, destination, dport, host
)
GROUP BY program, destination, dport;

CREATE TABLE IF NOT EXISTS outcome_rows
(
    result LowCardinality(String),
    why LowCardinality(String),
    failed UInt8
)
ENGINE = ReplacingMergeTree
ORDER BY (result, why);

CREATE MATERIALIZED VIEW IF NOT EXISTS window_rows_by_outcome TO outcome_rows AS
SELECT DISTINCT result, why, failed FROM window_rows;

-- What the statements of tcpconnect history read: the names of its own file, with
-- times as seconds since the epoch.
CREATE VIEW IF NOT EXISTS programs AS
SELECT DISTINCT
    cityHash64(host, program, container, unit, pod, uid) AS program_id,
    host, program, container, unit, pod, uid
FROM pair_rows;

CREATE VIEW IF NOT EXISTS destinations AS
SELECT
    cityHash64(destination, dport) AS destination_id, destination, dport,
    anyLast(p.query) AS query, anyLast(p.address) AS address
FROM pair_rows AS p
GROUP BY destination, dport;

CREATE VIEW IF NOT EXISTS outcomes AS
SELECT DISTINCT cityHash64(result, why) AS outcome_id, result, why, failed
FROM outcome_rows;

CREATE VIEW IF NOT EXISTS windows AS
SELECT
    toUnixTimestamp(w.time) AS time, span,
    cityHash64(host, program, container, unit, pod, uid) AS program_id,
    cityHash64(destination, dport) AS destination_id,
    cityHash64(result, why) AS outcome_id,
    attempts, latency_us, latency_max_us, dns_us, syns
FROM window_rows AS w;

CREATE VIEW IF NOT EXISTS pairs AS
SELECT
    cityHash64(host, program, container, unit, pod, uid) AS program_id,
    cityHash64(destination, dport) AS destination_id,
    toUnixTimestamp(min(p.first_seen)) AS first_seen,
    toUnixTimestamp(max(p.last_seen)) AS last_seen
FROM pair_rows AS p
GROUP BY host, program, container, unit, pod, uid, destination, dport;

CREATE VIEW IF NOT EXISTS runs AS
SELECT
    cityHash64(host, boot, pid, r.started) AS run_id, host, boot, version, options, pid,
    toUnixTimestamp(r.started) AS started, toUnixTimestamp(r.watched) AS watched,
    toUnixTimestamp(r.ended) AS ended
FROM run_rows AS r FINAL;

CREATE VIEW IF NOT EXISTS losses AS
SELECT host, toUnixTimestamp(l.time) AS time, reason, lost FROM loss_rows AS l;

CREATE VIEW IF NOT EXISTS alerts AS
SELECT host, toUnixTimestamp(a.time) AS time, kind, program, destination, dport, line
FROM alert_rows AS a;
