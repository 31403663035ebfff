"""What others call our columns: OpenTelemetry, ECS, OCSF, Zeek and osquery."""
