package panel

import (
	"fmt"
	"strconv"

	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/compute/table"
)

// mostChoices bounds the entities of which a template offers a list.
const mostChoices = 10_000

// TemplateOf are the columns of a workbook into which readings can be typed as the source
// reads them. Attributes are not among them: the registry has them. It fails of tables of
// other shapes than one row for each entity and period.
func TemplateOf(src *Source, ids []string) ([]table.TemplateColumn, error) {
	if src.single() || src.Entity.Columns != nil || src.Entity.File != "" {
		return nil, fmt.Errorf("dataset %s is read from tables of another shape than one row for each entity and period: there is no template of them", src.Descriptor.Dataset)
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
		note := fmt.Sprintf("a %s, as %s, in UTC%s", src.Descriptor.Grain, periodForm(src.Descriptor.Grain), src.Descriptor.UTCOffset)
		switch {
		case src.PeriodParts:
			note = "the " + partNames(src.Descriptor.Grain)[i]
		case src.Period.Format != "":
			note = fmt.Sprintf("as %s, in UTC%s", src.Period.Format, src.Descriptor.UTCOffset)
		}
		out = append(out, table.TemplateColumn{Name: name, Note: note, Text: true})
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
			return nil, fmt.Errorf("template of dataset %s: the range of %s is no number", src.Descriptor.Dataset, measure.Name)
		}
		out = append(out, c)
	}
	return out, nil
}
