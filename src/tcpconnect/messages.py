"""The catalogue: what users can read on stderr. Some *_messages.py have more of it.

share/troubleshooting.py makes docs/troubleshooting.md of it. A message that is a single
place passes on what others say.
"""

from __future__ import annotations

from tcpconnect.errors import Message

WHY = ("{reason}", "{remedy}")

# --- It does not start, or ends early.

# The machine.
NO_PRIVILEGES = Message("no privileges", "{who}: {reason}", "{remedy}")
USER_NAMESPACE = Message(
    "no privileges",
    "capabilities in a user namespace do not allow BPF",
    "run it outside of the container, or in a privileged one",
)
NO_BTF = Message(
    "no BTF",
    "{path} is missing",
    "mount sysfs on /sys, or boot a kernel built with CONFIG_DEBUG_INFO_BTF=y",
)
KERNEL_TOO_OLD = Message("kernel too old", "{reason}", "boot Linux {oldest} or newer")
LOCKDOWN = Message(
    "kernel lockdown",
    "confidentiality mode forbids BPF to read kernel memory",
    "boot with lockdown=integrity or lockdown=none",
)
NO_LIBBPF = Message("no {library}", "{reason}", "install it: {commands}")
NO_PROC = Message("no /proc", "{reason}", "mount it: mount -t proc proc /proc")
UNKNOWN_CLOCK = Message(
    "can't compare clocks in this time namespace",
    "no process shows the offset of its clock",
    "run it outside of the time namespace",
)

# The steps of loading and attaching.
CANT_OPEN_OBJECT = Message("can't open the BPF object {name}", *WHY)
CANT_FIND_MAP = Message("can't find the map {name}", *WHY)
CANT_FIND_PROGRAM = Message("can't find the program {name}", *WHY)
CANT_FIND_CONSTANTS = Message("can't find the constants", *WHY)
CANT_RESIZE_MAP = Message("can't resize the map {name}", *WHY)
CANT_RESIZE_VALUES = Message("can't resize the values of the map {name}", *WHY)
CANT_REPLACE_MAP = Message("can't replace the map {name}", *WHY)
CANT_OMIT_MAP = Message("can't omit the map {name}", *WHY)
CANT_OMIT_PROGRAM = Message("can't omit the program {name}", *WHY)
CANT_SET_ATTACH_TYPE = Message("can't set the attach type of {name}", *WHY)
CANT_LOAD = Message("can't load the BPF programs", *WHY)
CANT_LOCK_MEMORY = Message(
    "can't lock enough memory", "{reason}", "raise the limit (ulimit -l), or {remedy}"
)
CANT_ATTACH = Message("can't attach to {name}", *WHY)
CANT_ATTACH_TO_CGROUP = Message("can't attach {name} to the cgroup", *WHY)
CANT_ATTACH_TO_MAP = Message("can't attach {name} to the map {map}", *WHY)
CANT_ATTACH_TO_FUNCTIONS = Message("can't attach to functions", *WHY)
CANT_ATTACH_TO_LIBRARY = Message("can't attach to functions of {path}", *WHY)
CANT_FILL_MAP = Message("can't fill the map {name}", *WHY)
CANT_INSERT = Message("can't insert into the map {name}", *WHY)
CANT_REMOVE = Message("can't remove from the map {name}", *WHY)
CANT_READ_MAP = Message("can't read the map {name}", *WHY)
CANT_ITERATE = Message("can't iterate over a map", *WHY)
CANT_RUN = Message("can't run the program {name}", *WHY)
CANT_READ_NAMESPACE = Message("can't read namespace {name}")

# All else.
CANT_OPEN_FILE = Message("can't write {path!r}", "{reason}", "name another file")
CANT_WRITE = Message(
    "can't write the output",
    "{reason}",
    "nothing more is shown; check where {output} goes",
)
CANT_START_THREAD = Message("can't start a thread", "{reason}")
CANT_START_COMMAND = Message("can't start {name!r}", *WHY)
OUT_OF = Message("out of {what}", *WHY)
CANT_READ_FILE = Message("can't read {name}", "{reason}")
INVALID_RECORDING = Message(
    "can't read {name}, line {line}",
    "{reason}",
    "name a file of tcpconnect -o FILE.jsonl, or lines of -j",
)
INTERNAL_ERROR = Message(
    "internal error", "{reason}", "please report it with the output of -v"
)

# --- An option or a value is refused.

SEE_HELP = "tcpconnect -h shows the options"
CONTAINERS_RUN = "these run: {names}"

ARGPARSE = Message("{text}", "", "{remedy}")
OF_OPTION = Message("argument {option}: {sentence}", *WHY)
OF_MEMBER = Message("{member}: {sentence}", *WHY)
NO_COMMAND = Message("no command after --", "", SEE_HELP)

# Values.
INVALID_NUMBER = Message(
    "invalid {what} {value!r}", "expected a number from {low} to {high}"
)
INVALID_TIME = Message(
    "invalid time {value!r}",
    "expected more than 0 and less than {limit} {unit}",
    "write a number of {unit}, or one with a unit ({units})",
)
INVALID_SIZE = Message(
    "invalid size {value!r}",
    "expected {least} to {most}",
    "write bytes, or a number with K, M, G or T",
)
INVALID_PORT = Message(
    "invalid port {name!r}", "neither a number nor a TCP service of {file}", "{near}"
)
INVALID_CHOICE = Message("invalid choice {value!r}", "expected {expected}", "{near}")
INVALID_RANGE = Message("invalid range {range!r}", "it ends before it begins")
HALF_RANGE = Message("invalid range {range!r}", "expected two ports: 8000-8100")
MISSING_VALUE = Message("missing {what} in {list!r}")
UNKNOWN_RESULT = Message("unknown result {name!r}", "{expected}", "{near}")
RESULTS_ARE = "expected for example ECONNREFUSED, ETIMEDOUT, NXDOMAIN or OK"
INVALID_SOURCE = Message("invalid source of names {source!r}", "expected {expected}")
INVALID_ADDRESS = Message(
    "invalid address or network {value!r}",
    "expected for example 10.0.0.0/8, fd00::/8 or 192.0.2.1",
)
HOST_BITS = Message(
    "invalid network {value!r}", "it has host bits set", "did you mean {network}?"
)
EMPTY_THREAD_NAME = Message("invalid thread name ''", "it is empty")
PATH_AS_NAME = Message("invalid thread name {name!r}", "it is a path", "{near}")
LONG_THREAD_NAME = Message(
    "invalid thread name {name!r}",
    "longer than {limit} bytes",
    "the kernel cuts it to {cut!r}",
)
INVALID_RING_SIZE = Message(
    "invalid ring size {size}", "expected a power of two, at least {least}"
)
EMPTY_MAP_PATH = Message("empty path of a map", "", "name a pinned BPF map")
INVALID_IP_VERSION = Message("invalid IP version {version!r}", "expected 4, 6 or 0")

# What is not on this machine.
NO_USER = Message("no user {name!r} on this machine", "", "{near}")
NO_NETNS_NAMED = Message("no network namespace {name!r}", "not in {folder}", "{near}")
NO_NETNS_OF_PROCESS = Message("no network namespace of process {pid}", "{reason}")
NO_NETNS_INODE = Message("no network namespace {inode}", *WHY)
NO_NETNS_AT = Message("no network namespace at {path!r}", "{reason}")
NOT_A_NETNS = Message("{path!r} is not a network namespace")
STALE_NETNS = Message(
    "{path} is stale",
    "no network namespace is mounted on it",
    "remove it: ip netns delete {name}",
)
NETNS_DENIED = Message(
    "no access to the namespaces of process {pid}", "CAP_SYS_PTRACE is missing"
)
NO_CGROUP = Message("no cgroup {path!r} in {mount}", "", "{near}")
NO_CGROUP_V2 = Message(
    "no cgroup {path!r}",
    "cgroup v2 is not mounted",
    "mount it: mount -t cgroup2 none /sys/fs/cgroup",
)
LONG_CGROUP_PATH = Message("no cgroup {path!r}…", "{reason}")
CGROUP_OF_V1 = Message(
    "no cgroup {path!r} in cgroup v2", "it is in cgroup v1 ({mounts})", "{remedy}"
)
DEEP_CGROUP = Message(
    "can't filter by cgroup {path!r}",
    "it is {level} levels deep; fewer than {limit} are supported",
)
NO_CONTAINER = Message("no container {name!r}", "{reason}", "{near}")
AMBIGUOUS_CONTAINER = Message(
    "ambiguous container {name!r}", "it may be {ids}", "use one of these"
)
UNFILTERED_CONTAINER = Message("can't filter by container {name!r}", *WHY)
WRONG_MAP = Message(
    "{option}: invalid map {path!r}",
    "{reason}",
    "expected a pinned BPF map of type hash, key {key}, value {value} bytes",
)
NO_PROCESSES = Message("no {processes}", *WHY)
INVALID_SUDO = Message(
    "can't identify the user who called sudo",
    "SUDO_UID={uid!r} SUDO_GID={gid!r}",
    "unset both",
)

# Columns, and options that exclude each other.
UNKNOWN_COLUMN = Message("unknown column {name!r}", "{expected}", "{near}")
COLUMNS_ARE = "expected one of {names}"
ALL_COLUMNS = "--columns help lists all columns"
COLUMN_TWICE = Message("duplicate column {name!r}", "", "name it once")
CONFLICT_WITH_COUNT = Message(
    "{option} conflicts with -c",
    "-c counts attempts by address and port",
    "omit {option}",
)
CONFLICT_WITH_COLUMNS = Message(
    "{option} conflicts with --columns",
    "--columns names all columns",
    "add its column there",
)
CONFLICT_OF_FORMATS = Message("-j conflicts with --format {format}", "", "omit one")
NEEDS_COUNT = Message("{option} needs -c", "it is about its tables", "add -c")
CLEAR_WITHOUT_INTERVAL = Message("--clear needs -c -i", "", "add -c -i SECONDS")
SAME_FILE = Message("-o names {name} twice", "", "name another file")
ROTATE_WITHOUT_FILE = Message(
    "--rotate needs -o FILE", "only files are rotated", "name one"
)
KEEP_WITHOUT_ROTATE = Message("--keep-files needs --rotate", "", "add --rotate 100M")
HISTOGRAM_WITHOUT_TABLE = Message("--histogram needs the table of -c", "", "{remedy}")
FILTERED_COUNT = Message(
    "{member} conflicts with count",
    "attempts are counted in the kernel, which does not know it",
    "count events",
)
FOLLOW_WITHOUT_PID = Message("-f needs -p", "it follows these processes", "add -p PID")
PID_WITH_COMMAND = Message(
    "-p conflicts with a command",
    "the command and its descendants are traced",
    "omit -p",
)

# --- It starts, and says something.

READY = Message("Tracing connect ... Hit Ctrl-C to end")
NO_ROOM = Message("no room for {names}", "", "widen the terminal or add --wide")
SOME_NOT_RUNNING = Message("warning: no {processes}; the others are traced")
UNLISTED = Message(
    "warning: BPF does not list {processes}", "{whose} attempts may be missed"
)
ALL_ENDED = Message("all traced processes have ended")
ONLY_CONNECT = Message(
    "attempts without a SYN are shown for connect(2) only",
    "not for TCP Fast Open and io_uring: {reason}",
)
NO_REFUSALS = Message("attempts without a SYN are not shown", *WHY)
ATTEMPTS_MISSED = Message("attempts may be missed", *WHY)
NO_DROP_REASONS = Message("WHY can't be 'local firewall' or 'dropped'", *WHY)

# Names.
NO_NAMES = Message("no names from {source}", "{problem}")
NO_NAMES_IN_CONTAINERS = Message("no names from libc in containers", *WHY)
NO_NAMES_OF_PROCESS = Message("no names from the libc of process {pid}", "{reason}")
SOME_NAMES_MISSING = Message("some names from libc are missing", "{reason}")
NO_LATER_LIBRARIES = Message("no names from C libraries found later", "{reason}")
LIBRARIES_AT_START = Message(
    "C libraries in unusual places are found at start only", *WHY
)
CANT_WATCH_MAPPINGS = Message("can't watch what programs map", *WHY)
CANT_LOOK_AT_LIBRARIES = Message("can't look at C libraries", *WHY)
CANT_PROBE = Message("can't probe {path}", "{reason}")
NO_PROBES = Message(
    "can't attach to getaddrinfo",
    "there is no program for {machine}",
    "names from DNS answers are still shown",
)
NO_C_LIBRARY = Message("no C library with getaddrinfo found")
CANT_OPEN_CGROUPS = Message("can't open the cgroup v2 hierarchy", *WHY)
NO_CONTAINER_NAMES = Message("no container names from {folder}", *WHY)

# Privileges.
NO_ACCESS = Message("no access", *WHY)
CANT_DROP_PRIVILEGES = Message("can't drop privileges", "{reason}")
SHARED_USER = Message(
    "running as nobody",
    "this user namespace has too few user IDs",
    "map more of them: any process of nobody can stop this one",
)
OUTPUT_BLOCKED = Message(
    "waiting to write to {outputs}",
    "the reader has stopped reading",
    "a second signal ends tcpconnect and discards the rest",
)
CANT_SIGNAL_COMMAND = Message("can't signal the command", "{reason}")
