package feed

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client/feed/spool"
)

// futureLimit is how far a device's clock may be ahead.
const futureLimit = time.Hour

// intake is where what devices say becomes readings of the dataset and is kept, before anybody is told. Whatever the source, it
// decides which entity and measure something is of, and whether that is still taken.
type intake struct {
	config  *Config
	periods periods
	rules   map[string]rule // by measure
	spool   *spool.Spool
	told    *told
	now     func() time.Time
	first   atomic.Pointer[int64] // first period of the dataset; nil: not known, or there is none
}

// newIntake knows the measures of the dataset whose files are read as src says.
func newIntake(config *Config, src *panel.Source, now func() time.Time) (*intake, error) {
	x := &intake{config: config, rules: map[string]rule{}, now: now}
	var err error
	if x.periods, err = newPeriods(src.Descriptor); err != nil {
		return nil, err
	}
	for i, m := range src.Descriptor.Measures {
		r := rule{take: takeLast, measure: m, round: i < len(src.Readings) && src.Readings[i].Round != ""}
		if at := slices.IndexFunc(config.Measures, func(x Measure) bool { return x.Measure == m.Name }); at >= 0 {
			r.take, r.least = config.Measures[at].Take, config.Measures[at].Least
		}
		x.rules[m.Name] = r
	}
	return x, nil
}

// given is what a device says of one time.
type given struct {
	device  string
	command string // of HJ 212; empty: lines have none
	time    string // as it was written
	at      time.Time
	values  []givenValue
}

// givenValue is what it says of a code.
type givenValue struct {
	code string
	flag string // empty: none
	text func(field string) (string, bool)
}

// readings maps what a device says. What cannot be used is counted. An error is a
// *ChangedError.
func (x *intake) readings(source string, g given) ([]spool.Reading, error) {
	entity, err := x.entityOf(source, g.device)
	if err != nil || entity == "" {
		return nil, err
	}
	var unknown []string
	var out []spool.Reading
	for _, v := range g.values {
		measured := false
		for i, m := range x.config.Measures {
			if m.Code != v.code {
				continue
			}
			measured = true
			if g.command != "" && m.Command != g.command {
				continue
			}
			r, ok, err := x.reading(source, g, v, i)
			if err != nil {
				return nil, err
			}
			if ok {
				r.Entity = entity
				out = append(out, r)
			}
		}
		switch {
		case measured:
		case slices.Contains(x.config.Ignore.Codes, v.code):
			x.told.passOver("ignored_code", v.code)
		case x.config.Unknown.Codes == "ignore":
			x.told.passOver("unknown_code", fmt.Sprintf("%s of device %s", v.code, g.device))
		default:
			unknown = append(unknown, fmt.Sprintf("+ code %s of device %s (entity %s)", v.code, g.device, entity))
		}
	}
	if len(unknown) > 0 {
		return nil, &ChangedError{Source: source, Diff: unknown,
			Fix: "list the code under measures or ignore.codes, or say unknown: {codes: ignore}; nothing of this message was kept or acknowledged"}
	}
	return out, nil
}

// entityOf is a device's entity; empty: it is passed over.
func (x *intake) entityOf(source, device string) (string, error) {
	if entity, ok := x.config.Devices[device]; ok {
		return entity, nil
	}
	switch {
	case slices.Contains(x.config.Ignore.Devices, device):
		x.told.passOver("ignored_device", device)
	case x.config.Unknown.Devices == "ignore":
		x.told.passOver("unknown_device", device)
	default:
		return "", &ChangedError{Source: source, Diff: []string{"+ device " + device + didYouMean(device, slices.Sorted(maps.Keys(x.config.Devices)))},
			Fix: "list the device under devices or ignore.devices, or say unknown: {devices: ignore}; nothing of this message was kept or acknowledged"}
	}
	return "", nil
}

// reading is what a device says of a measure. ok is false where it is passed over, which is
// counted.
func (x *intake) reading(source string, g given, v givenValue, index int) (r spool.Reading, ok bool, err error) {
	m := x.config.Measures[index]
	example := func() string { return fmt.Sprintf("%s of device %s at %s", v.code, g.device, g.time) }
	text, has := v.text(m.Field)
	if !has {
		x.told.passOver("no_field", fmt.Sprintf("%s-%s of device %s at %s", v.code, m.Field, g.device, g.time))
		return r, false, nil
	}
	period, ok := x.periodOf(g.at, example)
	if !ok {
		return r, false, nil
	}
	r = spool.Reading{Measure: m.Measure, At: g.at.Unix(), Period: period}
	flag := v.flag
	if flag == "" {
		flag = "N"
	} else {
		x.told.source(source, func(s *SourceState) {
			if len(flag) > 1 {
				countKind(s.Flags, otherKinds)
				return
			}
			countKind(s.Flags, flag)
		})
	}
	r.Flag = flag[0]
	if len(flag) != 1 || !slices.Contains(x.config.Flags, flag) || text == "" {
		r.Missing = true
		return r, true, nil
	}
	mantissa, decimals, fine := parseDecimal(text)
	by := x.config.factors[index]
	if fine && by.mantissa != 1 {
		product := mantissa * by.mantissa
		fine = product/by.mantissa == mantissa
		mantissa = product
	}
	if !fine {
		x.told.passOver("no_number", example())
		return r, false, nil
	}
	r.Mantissa, r.Decimals = mantissa, decimals+uint8(by.decimals) //nolint:gosec // each at most maxDecimals
	rule := x.rules[m.Measure]
	if rule.take == takeMean {
		return r, true, nil
	}
	if _, err := rule.units(ratOf(r.Mantissa, int(r.Decimals))); err == errDigits { //nolint:errorlint // it is never wrapped
		return r, false, &ChangedError{Source: source,
			Diff: []string{fmt.Sprintf("+ code %s of device %s has more than %d decimals in %s", v.code, g.device, rule.measure.Decimals, rule.measure.Unit)},
			Fix:  fmt.Sprintf("declare round: half_even for measure %s in the descriptor; nothing is rounded in silence", m.Measure)}
	}
	return r, true, nil
}

// periodOf is the period of a time, by the end of it that times name. example is asked only of what is passed over.
func (x *intake) periodOf(at time.Time, example func() string) (int64, bool) {
	seconds, now := at.Unix(), x.now()
	if x.config.Stamp == "end" {
		seconds--
	}
	if at.After(now.Add(futureLimit)) {
		x.told.passOver("in_the_future", example())
		return 0, false
	}
	period := x.periods.of(seconds)
	if period < x.forgotten() { // its other readings are not here any more, and a cell is made of all
		x.told.passOver("too_late", example())
		return 0, false
	}
	return period, x.inTime(period, now, example)
}

// inTime reports whether readings of a period are still taken.
func (x *intake) inTime(period int64, now time.Time, example func() string) bool {
	first := x.first.Load()
	switch {
	case now.After(x.periods.end(period).Add(x.config.Corrections.Within)):
		x.told.passOver("too_late", example())
		return false
	case first != nil && period < *first:
		x.told.passOver("before_the_dataset", example())
		return false
	}
	return true
}

// keep keeps readings, and returns when they are on disk.
func (x *intake) keep(ctx context.Context, readings []spool.Reading, marks ...spool.Mark) error {
	o, err := x.spool.Put(context.WithoutCancel(ctx), readings, marks...)
	if err != nil {
		return err
	}
	x.told.update(func(s *State) {
		s.Kept.New += int64(o.New)
		s.Kept.Same += int64(o.Same)
		s.Kept.Replaced += int64(o.Replaced)
	})
	return nil
}

// forgottenMark is up to which period readings were dropped. It stays where corrections.within
// grows, or a clock that was ahead goes back: a cell of such a period would be made of what came
// behind alone, and published in the place of the whole one.
const forgottenMark = "forgotten"

// forgotten is the first period of which nothing was dropped.
func (x *intake) forgotten() int64 {
	before, err := strconv.ParseInt(x.spool.Mark(forgottenMark), 10, 64)
	if err != nil {
		return math.MinInt64
	}
	return before
}
