package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/weirdata/weir/catalog/decimal"
)

// What is listed can be changed afterwards as far as nothing that was answered, granted
// or promised by it becomes untrue. A descriptor is amended, the attributes of a
// registry's entities are corrected, a dataset or a version of it is withdrawn. The
// state keeps what was there before: descriptors by the number of amendments before
// them, rows of a registry by the number of its states.

// DatasetAmend puts another descriptor in the place of a dataset's. Amended is the
// number of amendments that its publisher has seen, so that two that are made at a time
// do not undo each other. What may change is in Descriptor.Changes.
type DatasetAmend struct {
	Descriptor Descriptor `json:"descriptor"`
	Amended    int        `json:"amended"`
}

// DatasetWithdraw ends a dataset, or with Version only that version of it: no figure is
// answered from what is withdrawn, for good. It stays what other versions are compared
// with (RELEASE.md section 2.1), and what was answered from it stays answered.
type DatasetWithdraw struct {
	Dataset string `json:"dataset"`
	Version int    `json:"version,omitempty"` // 0: the dataset
	Reason  string `json:"reason"`
}

// Withdrawal says that something was withdrawn.
type Withdrawal struct {
	At     int64  `json:"at"`  // Unix milliseconds
	Seq    uint64 `json:"seq"` // entry that withdrew it
	Reason string `json:"reason"`
}

// RegistryCorrect carries some of the rows whose attributes a publisher corrects: id,
// then all attributes in the order of the registry's columns. Ids and their order stay.
// The rows come in chunks: From counts those of the chunks before, and with 0 a
// correction begins, in the place of one that was not finished. With the last of Rows
// rows all of them hold. Base is the digest of the registry's rows that are corrected,
// Digest the RowsDigest of the Rows rows.
type RegistryCorrect struct {
	ID     string     `json:"id"`
	Base   Digest     `json:"base"`
	Rows   int        `json:"rows"`
	Digest Digest     `json:"digest"`
	From   int        `json:"from,omitempty"`
	Chunk  [][]string `json:"chunk"`
}

// RegistryState is what a registry's rows were from one entry of the log to another: a
// commit or a correction made it. Private vectors name it by its digest.
type RegistryState struct {
	Number    int    `json:"number"` // the first is 1
	Rows      int    `json:"rows"`
	Corrected int    `json:"corrected,omitempty"` // corrections so far
	Digest    Digest `json:"digest"`              // RowsDigest
	At        int64  `json:"at"`                  // since when, Unix milliseconds
	Seq       uint64 `json:"seq"`                 // entry that made it
}

// MaxAmendments bounds the amendments of one dataset: a measure's name is looked for in
// all descriptors that the dataset ever had.
const MaxAmendments = 100

// FieldChange is a field in which a dataset's descriptor and another one differ.
type FieldChange struct {
	Field string    `json:"field"`         // of the descriptor, a measure's by the measure's name
	Old   string    `json:"old,omitempty"` // as text; empty: the field, or the measure, is not there
	New   string    `json:"new,omitempty"`
	Why   AmendRule `json:"why,omitempty"` // it cannot change; empty: it may
}

// AmendRule is why a field cannot be amended.
type AmendRule string

// Rules of amendments. Package explain has them as sentences.
const (
	AmendPlaces   AmendRule = "places"   // tiles, classes and portfolios go by entities' places in the registry
	AmendNames    AmendRule = "names"    // queries and contracts call it so
	AmendPeriods  AmendRule = "periods"  // versions are laid out by it, and sources compared by it
	AmendEncoding AmendRule = "encoding" // readings are encrypted as multiples of the last decimal, counted from the middle of the range
	AmendNarrower AmendRule = "narrower" // readings that were published may lie outside
	AmendEarlier  AmendRule = "earlier"  // versions that were published have no such columns; a new measure may
	AmendAdded    AmendRule = "added"    // it may only be taken away
	AmendPromised AmendRule = "promised" // what was released relies on it
	AmendMoments  AmendRule = "moments"  // p of a component that has settled sources would grow (RELEASE.md section 4.2)
	AmendRelated  AmendRule = "related"  // what was declared as related stays so
	AmendBudget   AmendRule = "budget"   // it may only become smaller
	AmendShared   AmendRule = "shared"   // it is counted for all datasets of the publisher on the registry
)

// Changes lists the fields in which another descriptor of the dataset differs, in the
// order of a descriptor, and says which of them cannot be amended. Not from the two
// descriptors alone follows whether a measure's name was another measure's before, and
// whether the release rule admits a new one.
func (d Descriptor) Changes(to Descriptor) []FieldChange {
	var l changeList
	l.text("title.en", d.Title.EN, to.Title.EN, "")
	l.text("title.zh", d.Title.ZH, to.Title.ZH, "")
	l.text("description.en", d.Description.EN, to.Description.EN, "")
	l.text("description.zh", d.Description.ZH, to.Description.ZH, "")
	l.text("license", d.License, to.License, "")
	l.text("dataset", d.Dataset, to.Dataset, AmendNames)
	l.text("registry", d.Registry, to.Registry, AmendPlaces)
	l.text("entity", d.Entity, to.Entity, AmendNames)
	l.text("numbers", strings.Join(d.Numbers, ", "), strings.Join(to.Numbers, ", "), "")
	l.text("grain", string(d.Grain), string(to.Grain), AmendPeriods)
	l.text("utc_offset", d.UTCOffset, to.UTCOffset, AmendPeriods)
	l.measures(d, to)
	l.policy(d, to)
	l.text("price", priceText(d.Price), priceText(to.Price), "")
	return l
}

// AmendRefusal is the refusal of an amendment by fields that cannot change; nil when all
// may.
func AmendRefusal(dataset string, changes []FieldChange) *Refusal {
	var refused []string
	first := ""
	for _, c := range changes {
		if c.Why != "" {
			first = cmp.Or(first, c.Field)
			refused = append(refused, fmt.Sprintf("%s (%s)", c.Field, c.Why))
		}
	}
	if len(refused) == 0 {
		return nil
	}
	return Refuse(RefusedPolicy, "amend", "amend.fields", dataset, refused).WithField(first)
}

// where is the rule where something holds, and none elsewhere.
func (r AmendRule) where(holds bool) AmendRule {
	if holds {
		return r
	}
	return ""
}

// changeList collects changes.
type changeList []FieldChange

// text adds a field whose texts differ.
func (l *changeList) text(field, before, after string, why AmendRule) {
	if before != after {
		*l = append(*l, FieldChange{Field: field, Old: before, New: after, Why: why})
	}
}

// measures compares measures by their names.
func (l *changeList) measures(d, to Descriptor) {
	for _, m := range d.Measures {
		field := "measures[" + m.Name + "]"
		after, stays := to.Measure(m.Name)
		if !stays {
			*l = append(*l, FieldChange{Field: field, Old: measureText(m)})
			continue
		}
		l.text(field+".unit", m.Unit, after.Unit, AmendEncoding)
		l.text(field+".decimals", strconv.Itoa(m.Decimals), strconv.Itoa(after.Decimals), AmendEncoding)
		if m.Decimals == after.Decimals {
			l.text(field+".range", rangeText(m), rangeText(after), m.widened(after))
		}
		l.companions(field, m, after)
		l.text(field+".ucum", m.UCUM, after.UCUM, "")
		l.text(field+".pollutant", m.Pollutant, after.Pollutant, "")
		l.text(field+".pcaf", m.PCAF.text(), after.PCAF.text(), "")
	}
	var now []string
	for _, m := range to.Measures {
		if _, known := d.Measure(m.Name); known {
			now = append(now, m.Name)
		} else {
			*l = append(*l, FieldChange{Field: "measures[" + m.Name + "]", New: measureText(m)})
		}
	}
	stay := slices.DeleteFunc(d.MeasureNames(), func(name string) bool { return !slices.Contains(now, name) })
	l.text("measures (their order)", listText(stay), listText(now), "")
}

// widened is why a measure's range cannot become another one's; empty: it can.
func (m Measure) widened(to Measure) AmendRule {
	switch {
	case to.Mid() != m.Mid():
		return AmendEncoding
	case to.Min > m.Min || to.Max < m.Max:
		return AmendNarrower
	}
	return ""
}

// companions compares what versions hold beside readings.
func (l *changeList) companions(field string, m, to Measure) {
	l.text(field+".squares", flagText(m.Squares), flagText(to.Squares), AmendEarlier.where(to.Squares))
	l.text(field+".buckets", listText(m.Buckets), listText(to.Buckets), AmendEarlier.where(len(to.Buckets) > 0))
}

func (p *PCAF) text() string {
	if p == nil {
		return ""
	}
	return fmt.Sprintf("scope %s, option %s, score %d", p.Scope, p.Option, p.Score)
}

// Continues reports whether a measure can be called by the name of one that the dataset
// had in an earlier descriptor: readings of both are encoded alike, and no reading of
// the earlier one lies outside.
func (m Measure) Continues(earlier Measure) bool {
	return m.Unit == earlier.Unit && m.Decimals == earlier.Decimals && earlier.widened(m) == ""
}

func measureText(m Measure) string {
	text := rangeText(m)
	if m.Unit != "" {
		text += " " + m.Unit
	}
	if m.Squares {
		text += ", squares"
	}
	if len(m.Buckets) > 0 {
		text += ", buckets " + listText(m.Buckets)
	}
	return text
}

func rangeText(m Measure) string {
	return decimal.Format(m.Min, m.Decimals) + " to " + decimal.Format(m.Max, m.Decimals)
}

func flagText(b bool) string {
	if b {
		return "true"
	}
	return ""
}

func listText(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return "[" + strings.Join(list, ", ") + "]"
}

func priceText(p *Price) string {
	if p == nil {
		return ""
	}
	return p.PerQuery + " " + p.Currency
}
