package panel

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/decimal"
)

// missing stands for no reading among a file's scaled values; a bound keeps
// readings far from it.
const missing = math.MinInt64

// rule is how a measure's readings are read.
type rule struct {
	measure *catalog.Measure
	texts   []string // that stand for no reading
	numbers []string // those of them that are numbers, canonically
	units   []int64  // and in units of the last decimal, where they are whole
	shared  int      // how many of units are of all measures, and not the measure's own
	empty   bool     // nothing stands for no reading
	round   bool
	limit   *big.Rat // of detection; nil: not known
}

// rulesOf are the rules of a source's measures.
func rulesOf(src *Source) []rule {
	rules := make([]rule, len(src.Columns))
	for m := range rules {
		own := src.reading(m)
		r := rule{measure: &src.Descriptor.Measures[m], texts: slices.Concat(src.Missing, own.Missing), round: own.Round == roundHalfEven}
		r.empty = slices.Contains(r.texts, "")
		for i, t := range r.texts {
			plain, _ := src.File.plain(strings.TrimSpace(t))
			number, ok := canonicalNumber(plain)
			if !ok {
				continue
			}
			r.numbers = append(r.numbers, number)
			if v, fault := decimal.ParseUnits(number, r.measure.Decimals); fault == decimal.OK {
				r.units = append(r.units, v)
				if i < len(src.Missing) {
					r.shared = len(r.units)
				}
			}
		}
		if own.Limit != "" {
			r.limit, _ = new(big.Rat).SetString(own.Limit)
		}
		rules[m] = r
	}
	return rules
}

// plain is a number with the point for decimals and nothing between thousands; false: it is
// not written as the form says.
func (f FileForm) plain(text string) (string, bool) {
	if f.Decimal != "," && f.Thousands == "" {
		return text, true
	}
	mark := "."
	if f.Decimal != "" {
		mark = f.Decimal
	}
	whole, fraction, hasFraction := strings.Cut(text, mark)
	if f.Thousands == " " {
		whole = strings.NewReplacer("\u00a0", " ", "\u202f", " ", "\u2009", " ").Replace(whole)
	}
	if f.Thousands != "" && strings.Contains(whole, f.Thousands) {
		groups := strings.Split(strings.TrimLeft(whole, "+-"), f.Thousands)
		for i, g := range groups {
			if i > 0 && len(g) != 3 || i == 0 && (len(g) == 0 || len(g) > 3 || g[0] == '0') { // 0.012 has no thousands
				return text, false
			}
		}
		whole = strings.ReplaceAll(whole, f.Thousands, "")
	}
	if mark == "," && (strings.Contains(whole, ".") || strings.Contains(fraction, ".")) {
		return text, false
	}
	if hasFraction {
		whole += "." + fraction
	}
	return whole, true
}

// ofNumberCell is how a number is handed on that is one in the file, of a workbook, JSON or
// Parquet: with the point, however texts are declared to be written.
var ofNumberCell = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?(E[+-]?[0-9]+)?$`)

// pointOrThousands is a number that is one thing in one country and another in the next.
var pointOrThousands = regexp.MustCompile(`^[+-]?[1-9][0-9]{0,2}(\.[0-9]{3})+$`)

// reading is a row's reading of a measure in units of 10^-decimals, or missing.
func (r *rowReader) reading(m, field int, fields []string, valid bool, line int) int64 {
	if !valid || slices.ContainsFunc(r.header.own[m], func(f filterAt) bool { return !f.passes(fields) }) {
		if text := fields[field]; text != "" {
			r.counts[m].Invalid++
		}
		return missing
	}
	return r.value(m, fields[field], field, line)
}

// value is a reading in units of 10^-decimals, or missing.
func (r *rowReader) value(m int, text string, field, line int) int64 {
	x := &r.rules[m]
	if text == "" && x.empty {
		return missing
	}
	if r.src.File.Decimal == "" && r.src.File.Thousands == "" && r.head.Separator != ";" {
		v, fault := decimal.ParseUnits(text, x.measure.Decimals)
		if fault == decimal.OK && v >= x.measure.Min && v <= x.measure.Max && !slices.Contains(x.units, v) {
			return v
		}
	}
	return r.oddValue(m, text, field, line)
}

// oddValue is a reading that is not a plain number within the range.
func (r *rowReader) oddValue(m int, text string, field, line int) int64 {
	x, count := &r.rules[m], &r.counts[m]
	trimmed := strings.TrimFunc(text, isBlank)
	number, ok := r.src.File.plain(trimmed)
	if r.head.Kind != "csv" && ofNumberCell.MatchString(trimmed) {
		if ok && number != trimmed {
			return r.wrong(m, field, line,
				fmt.Sprintf("%.40q is %s where the cell is a number, and %s as numbers are declared to be written",
					text, trimmed, number),
				"leave numbers out of the descriptor where cells are numbers; where they are texts save the file as CSV")
		}
		number, ok = trimmed, true
	}
	if r.head.Kind != "csv" && ok { // where a float has no other spelling
		if expanded, is := expandExponent(number); is {
			number = expanded
		}
	}
	v, fault := decimal.ParseUnits(number, x.measure.Decimals)
	switch {
	case r.isMissing(m, text, trimmed, number, v, fault):
		return missing
	case !ok:
		return r.wrong(m, field, line, fmt.Sprintf("%.40q is no number", text),
			"numbers are said to be written with "+r.src.File.words())
	case r.src.File.Decimal == "" && r.src.File.Thousands == "" && r.head.Separator == ";" &&
		pointOrThousands.MatchString(number):
		return r.wrong(m, field, line,
			fmt.Sprintf("%.40q may be %s or %s: in files with semicolons the point often parts thousands",
				text, number, strings.ReplaceAll(number, ".", "")),
			`say which in the descriptor: numbers: {decimal: "."}, or numbers: {decimal: ",", thousands: "."}`)
	case fault == decimal.TooPrecise && x.round:
		exact, is := new(big.Rat).SetString(number)
		if !is {
			break
		}
		if v, ok = roundToEven(exact, x.measure.Decimals); !ok || v < x.measure.Min || v > x.measure.Max {
			break
		}
		count.Rounded++
		return v
	case fault == decimal.NoNumber:
		if v, done := r.censored(m, trimmed, text, field, line); done {
			return v
		}
	case fault == decimal.OK && v >= x.measure.Min && v <= x.measure.Max:
		return v
	}
	switch fault {
	case decimal.NoNumber:
		return r.wrong(m, field, line, fmt.Sprintf("%.40q is no number", text), r.wantNumber(x, text))
	case decimal.TooPrecise:
		return r.wrong(m, field, line, fmt.Sprintf("%.40q has more than %s", text, decimals(x.measure.Decimals)),
			"nothing is rounded: declare more decimals, or round: half_even")
	}
	return r.wrong(m, field, line, fmt.Sprintf("%.40q is outside the declared range", text), "want "+rangeOf(x.measure))
}

// isMissing reports whether a text stands for no reading: as listed, or as the same number.
func (r *rowReader) isMissing(m int, text, trimmed, number string, v int64, fault decimal.Fault) bool {
	x, count := &r.rules[m], &r.counts[m]
	switch {
	case text == "" && x.empty:
		return true
	case fault == decimal.OK:
		at := slices.Index(x.units, v)
		if at >= 0 && at < x.shared && v >= x.measure.Min && v <= x.measure.Max {
			count.Doubtful++
		}
		if at >= 0 {
			count.Missing++
			return true
		}
	case fault != decimal.NoNumber && len(x.numbers) > 0:
		if plain, ok := canonicalNumber(number); ok && slices.Contains(x.numbers, plain) {
			count.Missing++
			return true
		}
	}
	if slices.Contains(x.texts, text) || slices.Contains(x.texts, trimmed) {
		if trimmed != "" {
			count.Missing++
		}
		return true
	}
	return false
}

// words say how numbers are declared to be written.
func (f FileForm) words() string {
	mark := f.Decimal
	if mark == "" {
		mark = "."
	}
	text := fmt.Sprintf("%q for decimals", mark)
	if f.Thousands != "" {
		text += fmt.Sprintf(" and %q between thousands", f.Thousands)
	}
	return text
}

// columnOf names a reading's column, and in it the measure where the column does not tell.
func (r *rowReader) columnOf(m, field int) string {
	if r.src.Shape.Parameter != "" {
		return fmt.Sprintf("%s (%s)", r.header.names[field], r.src.Columns[m])
	}
	return r.header.names[field]
}

// wrong adds a fault of a reading.
func (r *rowReader) wrong(m, field, line int, message, want string) int64 {
	r.fault(line, r.columnOf(m, field), message, want)
	return missing
}

// roundToEven is a number in units of 10^-decimals, halves to the even one; false: it is too
// large.
func roundToEven(v *big.Rat, decimals int) (int64, bool) {
	scaled := new(big.Rat).Mul(v, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(decimals)), nil)))
	// floor(2x+1)/2 is x rounded half up; a half is where 2x+1 is an even whole number.
	twice := new(big.Int).Lsh(scaled.Num(), 1)
	twice.Add(twice, scaled.Denom())
	den := new(big.Int).Lsh(scaled.Denom(), 1)
	rounded, rest := new(big.Int).DivMod(twice, den, new(big.Int))
	if rest.Sign() == 0 && rounded.Bit(0) == 1 {
		rounded.Sub(rounded, big.NewInt(1))
	}
	return rounded.Int64(), rounded.IsInt64() && rounded.CmpAbs(big.NewInt(maxBound)) <= 0
}

// signed is a number with a sign behind it: 0.07 J.
var signed = regexp.MustCompile(`^([+-]?[0-9][0-9.,]*)\s*([^0-9\s].*)$`)

// limitSigns stand before a limit; the longer ones come first.
var limitSigns = []struct {
	sign string
	kind byte // < or >
}{{"<=", '<'}, {">=", '>'}, {"<", '<'}, {"＜", '<'}, {"≤", '<'}, {">", '>'}, {"＞", '>'}, {"≥", '>'}}

// censored is a reading that is known within a limit only, or that has a sign behind it,
// by the declared rule. done is false where it is neither.
func (r *rowReader) censored(m int, text, written string, field, line int) (v int64, done bool) {
	x, declared := &r.rules[m], r.src.Censored
	if declared == nil {
		declared = &Censored{}
	}
	if slices.Contains(declared.Undetected, text) {
		return r.stand(m, declared.Below, x.limit, written, field, line), true
	}
	limit, kind := "", byte(0)
	for _, s := range limitSigns {
		if rest, ok := strings.CutPrefix(text, s.sign); ok {
			limit, kind = strings.TrimSpace(rest), s.kind
			break
		}
	}
	sign := ""
	if kind == 0 {
		parts := signed.FindStringSubmatch(text)
		if parts == nil {
			return 0, false
		}
		limit, sign = parts[1], parts[2]
	}
	number, ok := r.src.File.plain(limit)
	exact, is := new(big.Rat).SetString(number)
	if _, plain := canonicalNumber(number); !ok || !is || !plain {
		return 0, false
	}
	switch kind {
	case '<':
		if declared.Below == "" {
			return r.wrong(m, field, line, fmt.Sprintf("%.40q is known to be below a limit only", written),
				"say what it stands for in the descriptor: censored: {below: half}, or zero, limit, drop"), true
		}
		return r.stand(m, declared.Below, exact, written, field, line), true
	case '>':
		if declared.Above == "" {
			return r.wrong(m, field, line, fmt.Sprintf("%.40q is known to be above a limit only", written),
				"say what it stands for in the descriptor: censored: {above: limit}, or drop"), true
		}
		return r.stand(m, declared.Above, exact, written, field, line), true
	}
	for _, q := range declared.Qualifiers {
		if q.Sign != sign {
			continue
		}
		switch q.Rule {
		case ruleDrop:
			r.counts[m].Dropped++
			return missing, true
		case ruleBelow:
			return r.stand(m, declared.Below, exact, written, field, line), true
		}
		r.counts[m].Qualified++
		return r.oddValue(m, limit, field, line), true
	}
	return 0, false
}

// stand is what a censored reading stands for. Half of a limit is rounded half to even.
func (r *rowReader) stand(m int, by string, limit *big.Rat, written string, field, line int) int64 {
	x := &r.rules[m]
	if by == ruleDrop {
		r.counts[m].Dropped++
		return missing
	}
	stands := new(big.Rat)
	switch {
	case by == ruleZero:
	case limit == nil:
		return r.wrong(m, field, line,
			fmt.Sprintf("%.40q stands for %s of a limit that is not declared", written, by),
			"want detection_limit beside the measure")
	case by == ruleHalf:
		stands.Mul(limit, big.NewRat(1, 2))
	default:
		stands.Set(limit)
	}
	v, ok := roundToEven(stands, x.measure.Decimals)
	if !ok || v < x.measure.Min || v > x.measure.Max {
		return r.wrong(m, field, line,
			fmt.Sprintf("%.40q stands for %s by censored: %s, which is outside the declared range",
				written, stands.FloatString(x.measure.Decimals), by), "want "+rangeOf(x.measure))
	}
	r.counts[m].Censored++
	return v
}
