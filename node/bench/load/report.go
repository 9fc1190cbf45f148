package load

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/node/api/wire"
)

// ErrFaulty is returned for a run in which an answer was wrong, or a request failed
// otherwise than by a refusal that says when to come back.
var ErrFaulty = errors.New("the cluster did not stand the load")

// Report is what became of a load.
type Report struct {
	Clients int
	OneNode bool
	Seconds float64
	Kinds   map[string]*Tally // by what was asked
	// Elections is by how much the highest term that a node knew went up.
	Elections uint64
	// MemoryFirst and MemoryLast are the lowest amounts of memory in bytes that the nodes'
	// processes held, all of them added up, in the first and in the last third of the load,
	// MemoryPeak the highest; Mapped is what they had of files at the end, which the system
	// takes back when it needs it. 0 where the system does not tell.
	MemoryFirst, MemoryLast, MemoryPeak, Mapped int64
	// Stall is the longest time by which an idle timer of this process was late.
	Stall time.Duration
	// Faults are the first things that went wrong, at most maxFaults.
	Faults []string
}

// maxFaults is how many faults a report names.
const maxFaults = 10

// Tally is what became of one kind of request.
type Tally struct {
	Answered, Refused, Wrong, Failed int
	times                            []time.Duration // of those that were answered
}

// note adds what became of one request.
func (r *Report) note(kind string, took time.Duration, err error) {
	if r.Kinds == nil {
		r.Kinds = map[string]*Tally{}
	}
	t := r.Kinds[kind]
	if t == nil {
		t = new(Tally)
		r.Kinds[kind] = t
	}
	_, refused := refusal(err)
	switch {
	case err == nil:
		t.Answered++
		t.times = append(t.times, took)
		return
	case refused:
		t.Refused++
		return
	case errors.Is(err, errWrong):
		t.Wrong++
	default:
		t.Failed++
	}
	if len(r.Faults) < maxFaults {
		r.Faults = append(r.Faults, fmt.Sprintf("%s, after %.1f s: %v", kind, took.Seconds(), err))
	}
}

// refusal reports whether a node refused a request for now, and when to come back.
func refusal(err error) (after time.Duration, refused bool) {
	p, ok := errors.AsType[*wire.Problem](err)
	if !ok || p.Status != http.StatusTooManyRequests && p.Status != http.StatusServiceUnavailable {
		return 0, false
	}
	seconds, err := strconv.Atoi(p.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0, false
	}
	return time.Duration(min(seconds, 60)) * time.Second, true
}

// remember takes the memory from what was seen of it during the load.
func (r *Report) remember(seen []memory) {
	r.MemoryFirst, r.MemoryLast, r.MemoryPeak = thirds(seen)
	if n := len(seen); n > 0 {
		r.Mapped = seen[n-1].mapped
	}
}

// Err wraps ErrFaulty where an answer was wrong or a request failed; else it is nil.
func (r *Report) Err() error {
	wrong, failed := 0, 0
	for _, t := range r.Kinds {
		wrong, failed = wrong+t.Wrong, failed+t.Failed
	}
	if wrong+failed == 0 {
		return nil
	}
	return fmt.Errorf("%w: %d answers were wrong, %d requests failed", ErrFaulty, wrong, failed)
}

// Figures are the report's figures, in the order in which they are printed: of every kind
// of request how many were answered, refused, wrong and failed, and the median and the 99th
// percentile of the time that an answer took, in milliseconds.
func (r *Report) Figures() []he.Measurement {
	out := []he.Measurement{{Name: "clients", Value: float64(r.Clients), Unit: "clients"}, {Name: "seconds", Value: r.Seconds, Unit: "s"}}
	add := func(name string, value float64, unit string) {
		out = append(out, he.Measurement{Name: name, Value: value, Unit: unit})
	}
	for _, kind := range []string{kindQuery, kindExplain, kindCompile} {
		t := r.Kinds[kind]
		if t == nil {
			t = new(Tally)
		}
		for _, c := range []struct {
			name  string
			count int
		}{{"answered", t.Answered}, {"refused", t.Refused}, {"wrong", t.Wrong}, {"failed", t.Failed}} {
			add(kind+"_"+c.name, float64(c.count), "requests")
		}
		add(kind+"_p50_ms", t.percentile(50), "ms")
		add(kind+"_p99_ms", t.percentile(99), "ms")
	}
	add("elections", float64(r.Elections), "elections")
	add("memory_first_third_bytes", float64(r.MemoryFirst), "B")
	add("memory_last_third_bytes", float64(r.MemoryLast), "B")
	add("memory_peak_bytes", float64(r.MemoryPeak), "B")
	add("mapped_bytes", float64(r.Mapped), "B")
	add("longest_stall_ms", inMilliseconds(r.Stall), "ms")
	return out
}

// percentile is the p-th percentile of the times of what was answered, in milliseconds.
func (t *Tally) percentile(p int) float64 {
	if len(t.times) == 0 {
		return 0
	}
	return inMilliseconds(percentile(t.times, p))
}

// percentile is the p-th percentile of times, of which there is one at least.
func percentile(times []time.Duration, p int) time.Duration {
	sorted := slices.Clone(times)
	slices.Sort(sorted)
	return sorted[min(len(sorted)*p/100, len(sorted)-1)]
}

func inMilliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
