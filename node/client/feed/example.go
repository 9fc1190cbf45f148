package feed

// Example is a configuration with every field and what it means. What is commented out is
// another choice, or a default.
const Example = `# Configuration of weir feed. Files that it names are relative to its own directory.

# The dataset, and its descriptor: left out, it is read as this machine published it last.
dataset: chimneys
descriptor: chimneys.yaml

# What is kept until it is published, sealed under your key, and what the feed tells of itself.
dir: /var/lib/weir-feed

# How long after its end a period is waited for before it is appended.
lateness: 15m
# How often to look for periods that are due.
every: 1m

# Readings that come later, or change, are appended as a correction: daily at a time of the
# dataset's own, or every so often. What comes later than within after its period's end is
# passed over and counted; all readings are kept here for so long.
corrections: {at: "02:30", within: 72h}
# corrections: {every: 6h, within: 72h}

# Devices and codes that are not listed stop the feed with the difference, or are passed over
# and counted (ignore). What ignore lists is passed over in any case. Where others than your
# devices reach the port, say ignore: with stop, one frame of theirs ends the feed.
unknown: {devices: stop, codes: stop}
ignore:
  codes: [a01001, a01012]
  devices: []

# Which end of its period the time in a message names. HJ 212 has the begin of an hour's or
# day's mean; devices differ.
stamp: begin
# Data flags of readings that count; readings with others are missing, and counted by flag.
flags: [N]

# The entity of each device (MN of HJ 212).
devices:
  010000A8900016F000169DC0: station-1

# What each measure is made of: readings of a code, in frames of one command (2011 real time,
# 2051 minutes, 2061 hours, 2031 days), in one field (Rtd, Avg, Min, Max, Cou). unit is what
# devices send; where the dataset has another one, factor says how they are converted.
# take makes a cell of a period's readings:
#   one   the only one; several different times leave the cell empty, and are counted
#   mean  their mean, of at least so many (least), rounded half to even: needs round in the
#         descriptor
#   last, min, max, sum
measures:
  - {measure: nox, code: a21002, command: "2061", field: Avg, unit: mg/m³, take: one}
  - {measure: co, code: a21005, command: "2051", field: Avg, unit: mg/m³, factor: "1000", take: mean, least: 45}

sources:
  # Devices that speak HJ 212 of 2017 or 2025 over TCP. crc is the reading of the standard's
  # check that they have: standard, swapped (its bytes exchanged) or modbus. lenient takes
  # frames that are not as the standard has them, and counts every leniency. sm4_keys is a file,
  # of mode 0600, with lines of a device and its SM4 key (* for all others). set_clock answers
  # 1013 with the time.
  - {name: chimneys, kind: hj212, listen: "0.0.0.0:9212", crc: standard, lenient: false, idle: 10m}
  # Files as weir dataset append takes them: read once they have not changed for so long, then
  # moved to done/ or, with the reason beside them, to failed/.
  # - {name: laboratory, kind: directory, path: /srv/incoming, settle: 30s}
  # A query of a database (postgres:// or mysql://, which MariaDB is too), asked every so often. It
  # has {since} in it, for what was updated last less an overlap, and answers columns as the
  # descriptor has them, the one named updated, and those of the key, which tell rows of one
  # update apart. Rows are asked for in pages of so many (page, 10000).
  # - {name: lims, kind: table, from: "postgres://reader@db/lims", query: lims.sql, updated: changed_at, key: [station, hour], overlap: 10m, every: 5m, page: 10000}
  # Lines of JSON objects or CSV, posted to /lines or from standard input: a device, a time, and
  # codes with their readings.
  # - {name: gateway, kind: lines, listen: "127.0.0.1:9213", format: ndjson, device: mn, time: at, token_file: feed.token}
  # - {name: pipe, kind: stdin, format: csv, device: mn, time: at}
`
