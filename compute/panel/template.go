package panel

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/compute/table"
)

// mostChoices bounds the entities of which a template offers a list.
const mostChoices = 10_000

// TemplateOf is a workbook into which readings can be typed as the source reads them.
// Attributes are not among its columns: the registry has them. It fails of tables of other
// shapes than one row for each entity and period.
func TemplateOf(src *Source, ids []string) (table.Template, error) {
	none := table.Template{}
	if src.single() || src.Entity.Columns != nil || src.Entity.File != "" {
		return none, fmt.Errorf("dataset %s is read from tables of another shape than one row for each entity and period: there is no template of them", src.Descriptor.Dataset)
	}
	var out []table.TemplateColumn
	if src.ownColumn() {
		c := table.TemplateColumn{Name: src.EntityColumn, Note: "an entity of registry " + src.Descriptor.Registry, Text: true}
		if len(ids) <= mostChoices {
			c.Choices = ids
		}
		out = append(out, c)
	}
	for i, name := range src.PeriodColumns {
		note := fmt.Sprintf("%s, as %s, in UTC%s", src.Descriptor.Grain.One(), periodForm(src.Descriptor.Grain), src.Descriptor.UTCOffset)
		switch {
		case src.PeriodParts:
			note = "the " + partNames(src.Descriptor.Grain)[i]
		case src.Period.Format != "":
			note = fmt.Sprintf("as %s, in UTC%s", src.Period.Format, src.Descriptor.UTCOffset)
		}
		if src.Period.Stamp == "end" {
			note += "; the end of it"
		}
		out = append(out, table.TemplateColumn{Name: name, Note: note, Text: true})
	}
	for _, f := range src.filters() {
		if !slices.ContainsFunc(out, func(c table.TemplateColumn) bool { return c.Name == f.Column }) {
			out = append(out, table.TemplateColumn{Name: f.Column, Note: "rows and readings count with " + Quoted(f.Values), Text: true})
		}
	}
	rules := rulesOf(src)
	for m, name := range src.Columns {
		measure := src.Descriptor.Measures[m]
		c := table.TemplateColumn{Name: name, Decimals: measure.Decimals}
		c.Note = rangeOf(&measure) + "; " + missingWords(rules[m].texts)
		var err [2]error
		c.Low, err[0] = strconv.ParseFloat(decimal.Format(measure.Min, measure.Decimals), 64)
		c.High, err[1] = strconv.ParseFloat(decimal.Format(measure.Max, measure.Decimals), 64)
		if err[0] != nil || err[1] != nil {
			return none, fmt.Errorf("template of dataset %s: the range of %s is no number", src.Descriptor.Dataset, measure.Name)
		}
		out = append(out, c)
	}
	if sheet := src.File.Sheet; sheet != "" && !table.PossibleSheet(sheet) {
		return none, fmt.Errorf("the descriptor of dataset %s says sheet: %q, and no workbook has a sheet of this name", src.Descriptor.Dataset, sheet)
	}
	return table.Template{Sheet: src.File.Sheet, Header: src.File.HeaderRow, Columns: out}, nil
}
