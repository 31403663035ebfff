-- The tables and views of tcpconnect in PostgreSQL, for -o postgresql://HOST/DATABASE and
-- history --db postgresql://HOST/DATABASE. To make them:
--
--   psql -v ON_ERROR_STOP=1 -1 -d DATABASE -f postgresql.sql
--
-- Recorders need INSERT on window_rows, attempts, run_rows, loss_rows, alert_rows and
-- blocks, UPDATE and SELECT on run_rows and blocks, and EXECUTE on make_partitions().
-- Times are seconds since the epoch (UTC), durations are microseconds where a name ends
-- with _us, and text that there is none of is ''.

-- The attempts that ended in the span seconds from time, on one host, of one program to
-- one destination (name, else address), with one outcome. latencies: how many took 2^n
-- to 2^(n+1)-1 us, by n; latency_us, dns_us and syns are sums.
CREATE TABLE IF NOT EXISTS window_rows (
    host text NOT NULL,
    time bigint NOT NULL,
    span integer NOT NULL,
    program text NOT NULL,
    container text NOT NULL,
    unit text NOT NULL,
    pod text NOT NULL,
    uid bigint NOT NULL,
    destination text NOT NULL,
    dport integer NOT NULL,
    query text NOT NULL,
    address text NOT NULL,
    result text NOT NULL,
    why text NOT NULL,
    failed integer NOT NULL,
    attempts bigint NOT NULL,
    latency_us bigint NOT NULL,
    latency_max_us bigint NOT NULL,
    latencies jsonb NOT NULL,
    dns_us bigint NOT NULL,
    syns bigint NOT NULL
) PARTITION BY RANGE (time);
CREATE INDEX IF NOT EXISTS window_rows_time ON window_rows USING brin (time);

-- Single attempts (?events=all or failed), as tcpconnect -j prints them.
CREATE TABLE IF NOT EXISTS attempts (
    host text NOT NULL,
    time bigint NOT NULL,
    attempt jsonb NOT NULL
) PARTITION BY RANGE (time);
CREATE INDEX IF NOT EXISTS attempts_time ON attempts USING brin (time);

-- Makes the partitions of the month that has a time, and of the next one, so that they
-- are there when it begins; forgets tokens of blocks that no spool has any more, not too
-- many at once. Recorders call it each day. Whoever may call it need not be able to do
-- that. A partition is attached, which waits for nobody who reads or inserts.
CREATE OR REPLACE FUNCTION make_partitions(moment bigint) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    month timestamp := date_trunc('month', to_timestamp(moment) AT TIME ZONE 'UTC');
    begins timestamp;
    parent text;
    part text;
BEGIN
    IF abs(extract(epoch FROM now()) - moment) > 400 * 86400 THEN
        RAISE EXCEPTION 'no partition for a time that is more than 400 days away';
    END IF;
    FOREACH begins IN ARRAY ARRAY[month, month + interval '1 month'] LOOP
        FOREACH parent IN ARRAY ARRAY['window_rows', 'attempts'] LOOP
            part := parent || '_' || to_char(begins, 'YYYYMM');
            CONTINUE WHEN to_regclass(part) IS NOT NULL;
            PERFORM pg_advisory_xact_lock(hashtext('tcpconnect'), hashtext(parent));
            CONTINUE WHEN to_regclass(part) IS NOT NULL;
            EXECUTE format(
                'CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS)', part, parent
            );
            EXECUTE format(
                'ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
                parent, part,
                extract(epoch FROM begins)::bigint,
                extract(epoch FROM begins + interval '1 month')::bigint
            );
        END LOOP;
    END LOOP;
    DELETE FROM blocks WHERE token IN (
        SELECT token FROM blocks WHERE time < extract(epoch FROM now()) - 7 * 86400
        LIMIT 20000 FOR UPDATE SKIP LOCKED
    );
    RETURN to_char(month, 'YYYYMM');
END $$;
-- The function runs with its owner's rights: it finds the tables of this schema only.
DO $$ BEGIN
    EXECUTE format(
        'ALTER FUNCTION make_partitions(bigint) SET search_path = %I, pg_temp',
        current_schema()
    );
END $$;

-- When a recorder watched, from started to watched, in one boot; ended is 0 while it
-- runs, or when it was killed.
CREATE TABLE IF NOT EXISTS run_rows (
    host text NOT NULL,
    boot text NOT NULL,
    version text NOT NULL,
    options text NOT NULL,
    pid bigint NOT NULL,
    started bigint NOT NULL,
    watched bigint NOT NULL,
    ended bigint NOT NULL,
    PRIMARY KEY (host, boot, pid, started)
);

-- What was lost in the minute from time, by the reason.
CREATE TABLE IF NOT EXISTS loss_rows (
    host text NOT NULL,
    time bigint NOT NULL,
    reason text NOT NULL,
    lost bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS loss_rows_time ON loss_rows (time);

-- What alerts have said: kind is new, failing or solved; line is the sentence.
CREATE TABLE IF NOT EXISTS alert_rows (
    host text NOT NULL,
    time bigint NOT NULL,
    kind text NOT NULL,
    program text NOT NULL,
    destination text NOT NULL,
    dport integer NOT NULL,
    line text NOT NULL
);
CREATE INDEX IF NOT EXISTS alert_rows_time ON alert_rows (time);

-- What was inserted: a block that is sent again is left out.
CREATE TABLE IF NOT EXISTS blocks (
    token text PRIMARY KEY,
    time bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS blocks_time ON blocks (time);

-- A program and a destination that it has reached, or tried to, on a host.
CREATE TABLE IF NOT EXISTS pair_rows (
    program_id bigint NOT NULL,
    destination_id bigint NOT NULL,
    host text NOT NULL,
    program text NOT NULL,
    container text NOT NULL,
    unit text NOT NULL,
    pod text NOT NULL,
    uid bigint NOT NULL,
    destination text NOT NULL,
    dport integer NOT NULL,
    query text NOT NULL,
    address text NOT NULL,
    first_seen bigint NOT NULL,
    last_seen bigint NOT NULL,
    PRIMARY KEY (program_id, destination_id)
);
CREATE INDEX IF NOT EXISTS pair_rows_first_seen ON pair_rows (first_seen);

CREATE TABLE IF NOT EXISTS outcome_rows (
    result text NOT NULL,
    why text NOT NULL,
    failed integer NOT NULL,
    PRIMARY KEY (result, why)
);

-- The number of some texts.
CREATE OR REPLACE FUNCTION id_of(VARIADIC texts text[]) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN hashtextextended(array_to_string(texts, E'\x1f'), 0);

CREATE OR REPLACE FUNCTION add_pairs() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO pair_rows
    SELECT
        id_of(host, program, container, unit, pod, uid::text),
        id_of(destination, dport::text),
        host, program, container, unit, pod, uid, destination, dport,
        max(query), max(address), min(time), max(time)
    FROM inserted
    GROUP BY host, program, container, unit, pod, uid, destination, dport
    ORDER BY 1, 2
    ON CONFLICT (program_id, destination_id) DO UPDATE SET
        query = excluded.query, address = excluded.address,
        first_seen = least(pair_rows.first_seen, excluded.first_seen),
        last_seen = greatest(pair_rows.last_seen, excluded.last_seen);
    INSERT INTO outcome_rows
    SELECT DISTINCT result, why, failed FROM inserted
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
DO $$ BEGIN
    EXECUTE format(
        'ALTER FUNCTION add_pairs() SET search_path = %I, pg_temp', current_schema()
    );
END $$;
CREATE OR REPLACE TRIGGER add_pairs AFTER INSERT ON window_rows
REFERENCING NEW TABLE AS inserted
FOR EACH STATEMENT EXECUTE FUNCTION add_pairs();

-- By hours, of all hosts together.
CREATE OR REPLACE VIEW hours AS
SELECT
    to_timestamp(time - time % 3600) AS hour, program, destination, dport, result, why,
    failed, sum(attempts)::bigint AS attempts, sum(latency_us)::bigint AS latency_us,
    max(latency_max_us) AS latency_max_us, sum(dns_us)::bigint AS dns_us,
    sum(syns)::bigint AS syns
FROM window_rows
GROUP BY time - time % 3600, program, destination, dport, result, why, failed;

-- Where a pair was seen first, and on how many hosts.
CREATE OR REPLACE VIEW fleet_pairs AS
SELECT
    program, destination, dport, min(first_seen) AS first_seen,
    max(last_seen) AS last_seen, count(DISTINCT host) AS hosts,
    (array_agg(host ORDER BY first_seen, host))[1] AS first_host
FROM pair_rows
GROUP BY program, destination, dport;

-- What the statements of tcpconnect history read: the names of its own file.
CREATE OR REPLACE VIEW programs AS
SELECT DISTINCT program_id, host, program, container, unit, pod, uid FROM pair_rows;

CREATE OR REPLACE VIEW destinations AS
SELECT DISTINCT ON (destination_id) destination_id, destination, dport, query, address
FROM pair_rows
ORDER BY destination_id, last_seen DESC;

CREATE OR REPLACE VIEW outcomes AS
SELECT id_of(result, why) AS outcome_id, result, why, failed FROM outcome_rows;

CREATE OR REPLACE VIEW windows AS
SELECT
    time, span, id_of(host, program, container, unit, pod, uid::text) AS program_id,
    id_of(destination, dport::text) AS destination_id, id_of(result, why) AS outcome_id,
    attempts, latency_us, latency_max_us, dns_us, syns
FROM window_rows;

CREATE OR REPLACE VIEW pairs AS
SELECT program_id, destination_id, first_seen, last_seen FROM pair_rows;

CREATE OR REPLACE VIEW runs AS
SELECT
    id_of(host, boot, pid::text, started::text) AS run_id, host, boot, version, options,
    pid, started, watched, ended
FROM run_rows;

CREATE OR REPLACE VIEW losses AS SELECT host, time, reason, lost FROM loss_rows;

CREATE OR REPLACE VIEW alerts AS
SELECT host, time, kind, program, destination, dport, line FROM alert_rows;
