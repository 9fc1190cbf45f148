package panel

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/weirdata/weir/catalog"
)

// fieldRow is a row of a table of fields in DESCRIPTOR.md.
type fieldRow struct {
	field    string
	defaults string
	example  string
}

func descriptorGuide(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("DESCRIPTOR.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// tableRows are the cells of all tables that have the header.
func tableRows(t *testing.T, guide, header string) [][]string {
	t.Helper()
	var rows [][]string
	for _, table := range strings.Split(guide, header+"\n")[1:] {
		for line := range strings.Lines(table) {
			cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
			if !strings.HasPrefix(line, "|") {
				break
			}
			if !strings.HasPrefix(line, "|-") {
				rows = append(rows, cells)
			}
		}
	}
	if len(rows) == 0 {
		t.Fatalf("there is no table %s", header)
	}
	return rows
}

var quotedCode = regexp.MustCompile("`([^`]*)`")

// descriptorFields are the rows of the descriptor's fields.
func descriptorFields(t *testing.T, guide string) []fieldRow {
	t.Helper()
	var out []fieldRow
	for _, cells := range tableRows(t, guide, "| field | type | default | example | meaning | later |") {
		if len(cells) != 6 {
			t.Fatalf("%d cells: %q", len(cells), cells)
		}
		field, example := quotedCode.FindStringSubmatch(cells[0]), quotedCode.FindStringSubmatch(cells[3])
		if field == nil || example == nil {
			t.Fatalf("no field or no example: %q", cells)
		}
		out = append(out, fieldRow{field: field[1], defaults: cells[2], example: example[1]})
	}
	return out
}

// fieldsOf are the paths of a struct's fields by a tag: a.b for a struct's, a[].b for
// those of a list of structs. What is no struct, and what leaf says, has no parts.
func fieldsOf(of reflect.Type, tag, prefix string, leaf func(reflect.Type) bool) []string {
	var out []string
	for i := range of.NumField() {
		f := of.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get(tag), ",")
		path, inner := prefix+name, f.Type
		if inner == reflect.TypeFor[filePolicy]() {
			inner = policyForm // which catalog's table says
		}
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Slice && inner.Elem().Kind() == reflect.Struct && !leaf(inner.Elem()) {
			path, inner = path+"[]", inner.Elem()
		}
		if inner.Kind() == reflect.Struct && !leaf(inner) {
			out = append(out, fieldsOf(inner, tag, path+".", leaf)...)
		} else {
			out = append(out, path)
		}
	}
	return out
}

// wantSame reports what only one of the two lists has.
func wantSame(t *testing.T, documented, known []string) {
	t.Helper()
	for _, name := range known {
		if !slices.Contains(documented, name) {
			t.Errorf("DESCRIPTOR.md does not name %s", name)
		}
	}
	for i, name := range documented {
		if !slices.Contains(known, name) {
			t.Errorf("DESCRIPTOR.md names %s, which there is not", name)
		}
		if slices.Contains(documented[:i], name) {
			t.Errorf("DESCRIPTOR.md names %s twice", name)
		}
	}
}

// isValue reports whether a part of the form is a value of a descriptor's field.
func isValue(of reflect.Type) bool {
	switch of {
	case reflect.TypeFor[scalar](), reflect.TypeFor[fileLists](), reflect.TypeFor[fileTexts](), reflect.TypeFor[fileRenames]():
		return true
	}
	return false
}

func TestDescriptorGuideHasEveryField(t *testing.T) {
	guide := descriptorGuide(t)
	var documented []string
	for _, r := range descriptorFields(t, guide) {
		documented = append(documented, r.field)
	}
	wantSame(t, documented, fieldsOf(reflect.TypeFor[fileDescriptor](), "yaml", "", isValue))
}

// What the catalog keeps is in DESCRIPTOR.md too, of datasets and of registries.
func TestDescriptorGuideHasEveryFieldOfTheRecords(t *testing.T) {
	guide := descriptorGuide(t)
	for header, record := range map[string]reflect.Type{
		"| field | type | comes from |": reflect.TypeFor[catalog.Descriptor](),
		"| field | type | meaning |":    reflect.TypeFor[catalog.Registry](),
	} {
		var documented []string
		for _, cells := range tableRows(t, guide, header) {
			for _, name := range quotedCode.FindAllStringSubmatch(cells[0], -1) {
				documented = append(documented, name[1])
			}
		}
		wantSame(t, documented, fieldsOf(record, "json", "", func(reflect.Type) bool { return false }))
	}
}

// TestDescriptorGuideHasEveryAggregate holds the table of what grants what.
func TestDescriptorGuideHasEveryAggregate(t *testing.T) {
	var documented []string
	for _, cells := range tableRows(t, descriptorGuide(t), "| what a query asks | names that grant it in `policy.aggregates` |") {
		for _, name := range quotedCode.FindAllStringSubmatch(cells[1], -1) {
			documented = append(documented, name[1])
		}
	}
	wantSame(t, documented, catalog.AggregateNames())
}

// The guide's descriptor is one. With each field's example in place of its own value it
// still is; without a field it is refused exactly where the table says that it is needed.
func TestExamplesOfTheDescriptorGuideAreAccepted(t *testing.T) {
	guide := descriptorGuide(t)
	_, block, _ := strings.Cut(guide, "```yaml\n")
	block, _, found := strings.Cut(block, "```")
	if !found {
		t.Fatal("the guide has no descriptor")
	}
	if _, err := ReadDescriptor("DESCRIPTOR.md", strings.NewReader(block)); err != nil {
		t.Fatal(err)
	}
	// What cannot stand beside a field.
	protected := []string{
		"policy.min_cohort", "policy.min_coverage", "policy.cubes", "policy.moments", "policy.joins", "policy.related",
		"policy.portfolios", "policy.portfolio_change", "policy.dp",
	}
	excluded := map[string][]string{
		"entity.registry":          {"entity.attributes", "policy.cubes"},
		"period.columns":           {"period.column"},
		"policy.grain":             {"policy.joins"},
		"policy.public":            protected,
		"policy.version_days":      protected,
		"entity.attributes[].name": {"policy.cubes"},
		"entity.columns":           {"entity.column"},
		"wide.columns":             {"period.column"},
		"wide.except":              {"period.column"},
		"period.stamp":             {"policy.grain", "policy.joins"},
	}
	public := map[string]any{"policy.public": true}
	// What has to stand beside a field.
	beside := map[string]map[string]any{
		"parameter.column":    {"parameter.value": "value"},
		"parameter.value":     {"parameter.column": "param"},
		"wide.columns":        {"parameter.column": "param"},
		"wide.except":         {"parameter.column": "param", "wide.columns": "periods"},
		"censored.undetected": {"censored.below": "zero"},
		"rename":              {"entity.column": "station"},
		"period.stamp":        {"period.grain": "hour"},
		"policy.version_days": public,
		"policy.caps":         {"entity.attributes": []any{"permit", "county", "industry"}, "entity.numbers": []any{"permit"}},
		"policy.above_cap": {
			"entity.attributes": []any{"permit", "county", "industry"}, "entity.numbers": []any{"permit"}, "policy.caps": map[string]any{"nox": "permit"},
		},

		"measures[].pcaf.scope":  {"measures[].pcaf.option": "1a"},
		"measures[].pcaf.option": {"measures[].pcaf.scope": "1"},
		"measures[].pcaf.score":  {"measures[].pcaf.scope": "1", "measures[].pcaf.option": "1b"},
	}
	for _, r := range descriptorFields(t, guide) {
		d := tree(t, block)
		for _, other := range excluded[r.field] {
			remove(d, other)
		}
		var value any
		if err := yaml.Unmarshal([]byte(r.example), &value); err != nil {
			t.Errorf("%s: the example %s is no YAML: %v", r.field, r.example, err)
			continue
		}
		for other, with := range beside[r.field] {
			set(d, other, with)
		}
		set(d, r.field, value)
		if err := readTree(t, d); err != nil {
			t.Errorf("%s: the example %s is refused: %v", r.field, r.example, err)
		}
		if r.field == "period.columns" || r.field == "period.column" { // one of the two is needed
			continue
		}
		d = tree(t, block)
		if strings.HasPrefix(r.field, "measures[].pcaf.") { // the rest of a part that the guide's descriptor lacks
			for other, with := range beside[r.field] {
				set(d, other, with)
			}
		}
		remove(d, r.field)
		if err := readTree(t, d); (err != nil) != strings.HasPrefix(r.defaults, "needed") {
			t.Errorf("%s: by default %s; without it: %v", r.field, r.defaults, err)
		}
	}
}

func tree(t *testing.T, text string) map[string]any {
	t.Helper()
	var d map[string]any
	if err := yaml.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	entity, ok := d["entity"].(map[string]any)
	if !ok {
		t.Fatal("entity is no mapping")
	}
	entity["attributes"] = []any{map[string]any{"name": "county", "column": "County"}, map[string]any{"name": "industry", "column": "行业"}}
	return d
}

func readTree(t *testing.T, d map[string]any) error {
	t.Helper()
	b, err := yaml.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = ReadDescriptor("example", strings.NewReader(string(b))); err != nil {
		return fmt.Errorf("%w\n%s", err, b)
	}
	return nil
}

// parent is the mapping that holds the last part of a path; of a list its first item.
func parent(d map[string]any, path string) (at map[string]any, last string) {
	parts := strings.Split(path, ".")
	at = d
	for _, part := range parts[:len(parts)-1] {
		name, isList := strings.CutSuffix(part, "[]")
		next := at[name]
		if list, ok := next.([]any); isList && ok {
			next = list[0]
		}
		inner, ok := next.(map[string]any)
		if !ok {
			inner = map[string]any{}
			at[name] = inner
		}
		at = inner
	}
	return at, parts[len(parts)-1]
}

func set(d map[string]any, path string, value any) {
	at, last := parent(d, path)
	at[last] = value
}

func remove(d map[string]any, path string) {
	at, last := parent(d, path)
	delete(at, last)
}
