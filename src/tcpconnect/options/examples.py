"""Examples of command lines, for the help and the man page."""

# Those of bcc's tool.
OF_PAGE = """\
    ./tcpconnect           # trace all TCP connect()s
    ./tcpconnect -t        # include timestamps
    ./tcpconnect -p 181    # only trace PID 181
    ./tcpconnect -P 80     # only trace port 80
    ./tcpconnect -P 80,81  # only trace port 80 and 81
    ./tcpconnect -U        # include UID
    ./tcpconnect -u 1000   # only trace UID 1000
    ./tcpconnect -c        # count connects per src ip and dest ip/port
    ./tcpconnect --cgroupmap mappath  # only trace cgroups in this BPF map
    ./tcpconnect --mntnsmap mappath   # only trace mount namespaces in the map
"""
EXAMPLES = f"""\
{OF_PAGE}\
    ./tcpconnect -P 443,8000-8100     # a port and a range of ports
    ./tcpconnect -u alice,1000        # users by name or number
    ./tcpconnect -6L       # IPv6 only, include the source port
    ./tcpconnect -r        # did it work, and how long did it take
    ./tcpconnect -d        # the names of the destinations
    ./tcpconnect --dns-latency        # DNS and TCP: the whole cost of a connect
    ./tcpconnect --failed  # only the attempts that did not succeed
    ./tcpconnect --why     # why attempts fail
    ./tcpconnect --slower 100         # only those that took 100 ms or more
    ./tcpconnect -c -r --histogram    # latencies of each flow, and of all
    ./tcpconnect -j | jq .daddr       # JSON, one object a line
    ./tcpconnect --columns time,comm,daddr,dport --format csv
    ./tcpconnect --duration 60 --limit 1000  # stop by itself
    ./tcpconnect -- curl example.com  # a command and all its children
    ./tcpconnect -fp 181   # PID 181 and all its children
    ./tcpconnect --to 10.0.0.0/8 --not-port 443
    ./tcpconnect --container web --container db
    ./tcpconnect --cgroup system.slice/nginx.service
"""
