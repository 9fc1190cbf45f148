// Package bench measures what this machine does with Weir's primitives: the
// figures of `weir bench`, all of one run, with throw-away keys and data.
//
// The primitives on memory are measured by compute/he (he.Measure). On top come
// what surrounds them in a node: encrypting on two goroutines, adding up tiles
// that lie in the blob store, and proposing to a ledger of three members. Each is
// given beside its yardstick of the same run, because a shared machine is half as
// fast from one minute to the next, and only ratios of one run compare.
//
// Rates are those of the fastest of several passes, as STREAM reports them, but
// for proposals, which are counted over a fixed time: an fsync has no best case
// that means anything.
//
// It fails when a primitive does, when its temporary directory has no room, and
// when the context ends. It leaves nothing behind in either case.
//
// It does not measure the network (members of the ledger talk over loopback
// without TLS) nor a whole query. `go test -bench Stage` of this package times the
// stages of one, node/dev/demo one through ledger and HTTP in this process, node/dev
// one on real processes.
package bench
