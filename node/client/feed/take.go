package feed

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/weirdata/weir/node/client/feed/spool"
)

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
func (f *Feed) readings(source string, g given) ([]spool.Reading, error) {
	entity, err := f.entityOf(source, g.device)
	if err != nil || entity == "" {
		return nil, err
	}
	var unknown []string
	var out []spool.Reading
	for _, v := range g.values {
		measured := false
		for i, m := range f.config.Measures {
			if m.Code != v.code {
				continue
			}
			measured = true
			if g.command != "" && m.Command != g.command {
				continue
			}
			r, ok, err := f.reading(source, g, v, i)
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
		case slices.Contains(f.config.Ignore.Codes, v.code):
			f.told.passOver("ignored_code", v.code)
		case f.config.Unknown.Codes == "ignore":
			f.told.passOver("unknown_code", fmt.Sprintf("%s of device %s", v.code, g.device))
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
func (f *Feed) entityOf(source, device string) (string, error) {
	if entity, ok := f.config.Devices[device]; ok {
		return entity, nil
	}
	switch {
	case slices.Contains(f.config.Ignore.Devices, device):
		f.told.passOver("ignored_device", device)
	case f.config.Unknown.Devices == "ignore":
		f.told.passOver("unknown_device", device)
	default:
		return "", &ChangedError{Source: source, Diff: []string{"+ device " + device + didYouMean(device, slices.Sorted(maps.Keys(f.config.Devices)))},
			Fix: "list the device under devices or ignore.devices, or say unknown: {devices: ignore}; nothing of this message was kept or acknowledged"}
	}
	return "", nil
}

// reading is what a device says of a measure. ok is false where it is passed over, which is
// counted.
func (f *Feed) reading(source string, g given, v givenValue, index int) (r spool.Reading, ok bool, err error) {
	m := f.config.Measures[index]
	example := func() string { return fmt.Sprintf("%s of device %s at %s", v.code, g.device, g.time) }
	text, has := v.text(m.Field)
	if !has {
		f.told.passOver("no_field", fmt.Sprintf("%s-%s of device %s at %s", v.code, m.Field, g.device, g.time))
		return r, false, nil
	}
	period, ok := f.periodOf(g.at, example)
	if !ok {
		return r, false, nil
	}
	r = spool.Reading{Measure: m.Measure, At: g.at.Unix(), Period: period}
	flag := v.flag
	if flag == "" {
		flag = "N"
	} else {
		f.told.source(source, func(s *SourceState) {
			if len(flag) > 1 {
				countKind(s.Flags, otherKinds)
				return
			}
			countKind(s.Flags, flag)
		})
	}
	r.Flag = flag[0]
	if len(flag) != 1 || !slices.Contains(f.config.Flags, flag) || text == "" {
		r.Missing = true
		return r, true, nil
	}
	mantissa, decimals, fine := parseDecimal(text)
	by := f.config.factors[index]
	if fine && by.mantissa != 1 {
		product := mantissa * by.mantissa
		fine = product/by.mantissa == mantissa
		mantissa = product
	}
	if !fine {
		f.told.passOver("no_number", example())
		return r, false, nil
	}
	r.Mantissa, r.Decimals = mantissa, decimals+uint8(by.decimals) //nolint:gosec // each at most maxDecimals
	rule := f.rules[m.Measure]
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
func (f *Feed) periodOf(at time.Time, example func() string) (int64, bool) {
	seconds, now := at.Unix(), f.options.Now()
	if f.config.Stamp == "end" {
		seconds--
	}
	if at.After(now.Add(futureLimit)) {
		f.told.passOver("in_the_future", example())
		return 0, false
	}
	period := f.periods.of(seconds)
	if period < f.forgotten() { // its other readings are not here any more, and a cell is made of all
		f.told.passOver("too_late", example())
		return 0, false
	}
	return period, f.inTime(period, now, example)
}

// inTime reports whether readings of a period are still taken.
func (f *Feed) inTime(period int64, now time.Time, example func() string) bool {
	f.mu.Lock()
	first := f.first
	f.mu.Unlock()
	switch {
	case now.After(f.periods.end(period).Add(f.config.Corrections.Within)):
		f.told.passOver("too_late", example())
		return false
	case first != nil && period < *first:
		f.told.passOver("before_the_dataset", example())
		return false
	}
	return true
}

// keep keeps readings, and returns when they are on disk.
func (f *Feed) keep(ctx context.Context, readings []spool.Reading, marks ...spool.Mark) error {
	o, err := f.spool.Put(context.WithoutCancel(ctx), readings, marks...)
	if err != nil {
		return err
	}
	f.told.update(func(s *State) {
		s.Kept.New += int64(o.New)
		s.Kept.Same += int64(o.Same)
		s.Kept.Replaced += int64(o.Replaced)
	})
	return nil
}
