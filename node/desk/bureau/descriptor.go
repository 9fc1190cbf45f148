package bureau

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/desk/route"
)

// plainText is what YAML reads as that text without quotes.
var plainText = lazily(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// plainNumber is what it reads as a number.
var plainNumber = lazily(`^-?[0-9]+(\.[0-9]+)?$`)

// lazily is a pattern that is compiled when it is first used, and not whenever the program starts.
func lazily(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

// words of YAML that are no texts, for some readers of it.
var notPlain = []string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}

// quoted writes a text as a scalar.
func quoted(text string) string {
	if plainText().MatchString(text) && !slices.Contains(notPlain, strings.ToLower(text)) {
		return text
	}
	b, err := json.Marshal(text)
	if err != nil {
		return strconv.Quote(text)
	}
	return string(b)
}

func quotedList(list []string) string {
	out := make([]string, len(list))
	for i, text := range list {
		out[i] = quoted(text)
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// text is the form as a descriptor, with a policy to begin with.
func (f Form) text() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("dataset: %s", quoted(f.Dataset))
	var titles []string
	for _, t := range [][2]string{{"en", f.TitleEN}, {"zh", f.TitleZH}} {
		if t[1] != "" {
			titles = append(titles, t[0]+": "+quoted(t[1]))
		}
	}
	line("title: {%s}", strings.Join(titles, ", "))
	line("license: %s", quoted(f.License))
	switch {
	case f.Registry != "":
		line("entity: {registry: %s, column: %s}", quoted(f.Registry), quoted(f.Entity))
	default:
		line("entity: {column: %s, attributes: [%s]}", quoted(f.Entity), columnsText(f.Attributes))
	}
	line("period: {column: %s, grain: %s}", quoted(f.Period), quoted(f.Grain))
	line("utc_offset: %q", f.UTCOffset)
	line("missing: %s", quotedList(f.Missing))
	line("measures:")
	for _, m := range f.Measures {
		line("  - {name: %s, column: %s, unit: %s, range: [%s, %s], decimals: %d}", quoted(m.Name), quoted(m.Column), quoted(m.Unit), number(m.Least), number(m.Most), m.Decimals)
	}
	b.WriteString(policyText(f.policy()))
	return b.String()
}

// number is a number as it was typed; what is none is a text, which the descriptor's reader refuses with where it stands.
func number(text string) string {
	if plainNumber().MatchString(text) {
		return text
	}
	return quoted(text)
}

func columnsText(list []FormColumn) string {
	out := make([]string, len(list))
	for i, a := range list {
		if out[i] = quoted(a.Name); a.Name != a.Column {
			out[i] = fmt.Sprintf("{name: %s, column: %s}", quoted(a.Name), quoted(a.Column))
		}
	}
	return strings.Join(out, ", ")
}

// policy is what most publishers begin with.
func (f Form) policy() catalog.Policy {
	p := catalog.Policy{Aggregates: []string{"count", "sum", "avg"}, MinCohort: 5, Grain: calendar.Grain(f.Grain)}
	if g := p.Grain; g.Valid() && g.Finer(calendar.Month) && g.Nests(calendar.Month) {
		p.Grain = calendar.Month
	}
	if len(f.Attributes) > 0 {
		p.Cubes = [][]string{{f.Attributes[0].Name}}
	}
	return p
}

// policyText is a policy as a descriptor has it, field by field of catalog's table.
func policyText(p catalog.Policy) string {
	var b strings.Builder
	b.WriteString("policy:\n")
	for _, f := range catalog.PolicyFields() {
		v := reflect.ValueOf(f.In(&p)).Elem()
		if v.IsZero() || (v.Kind() == reflect.Slice || v.Kind() == reflect.Map) && v.Len() == 0 {
			continue
		}
		fmt.Fprintf(&b, "  %s: %s\n", f.Name, flowOf(v))
	}
	return b.String()
}

// flowOf writes a value of a policy in one line.
func flowOf(v reflect.Value) string {
	switch v.Kind() {
	case reflect.String:
		return quoted(v.String())
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.Int:
		return strconv.FormatInt(v.Int(), 10)
	case reflect.Pointer:
		return flowOf(v.Elem())
	case reflect.Slice, reflect.Array:
		out := make([]string, v.Len())
		for i := range out {
			out[i] = flowOf(v.Index(i))
		}
		return "[" + strings.Join(out, ", ") + "]"
	case reflect.Map:
		var out []string
		for _, k := range v.MapKeys() {
			out = append(out, quoted(k.String())+": "+flowOf(v.MapIndex(k)))
		}
		slices.Sort(out)
		return "{" + strings.Join(out, ", ") + "}"
	case reflect.Struct:
		var out []string
		for i := range v.NumField() {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			out = append(out, name+": "+flowOf(v.Field(i)))
		}
		return "{" + strings.Join(out, ", ") + "}"
	}
	return ""
}

// priceText is a price as a descriptor has it; empty: there is none.
func priceText(p *catalog.Price) string {
	if p == nil || *p == (catalog.Price{}) {
		return ""
	}
	return fmt.Sprintf("price: {per_query: %q, currency: %s}\n", p.PerQuery, quoted(p.Currency))
}

// begins is a line that begins a field of a descriptor.
var begins = lazily(`^["']?([A-Za-z_]+)["']?\s*:`)

// withField puts a field, as text, in the place of a descriptor's, or at its end. The descriptor has its fields on lines of
// their own.
func withField(descriptor, name, text string) string {
	var out []string
	put, within := false, false
	for _, line := range strings.SplitAfter(descriptor, "\n") {
		if m := begins().FindStringSubmatch(line); m != nil {
			if within = m[1] == name; within {
				if !put {
					out, put = append(out, text), true
				}
			}
		} else if within && strings.TrimSpace(line) != "" && line[0] == '#' {
			within = false
		}
		if !within {
			out = append(out, line)
		}
	}
	all := strings.Join(out, "")
	if !put {
		if all = strings.TrimRight(all, "\n"); all != "" {
			all += "\n"
		}
		all += text
	}
	return all
}

// readDescriptor reads the descriptor of a draft. The caller holds mu.
func (d *draft) readDescriptor() {
	d.described = nil
	d.source, d.Wrong, d.Policy, d.Price, d.Words, d.Measures, d.Fields = nil, []DescriptorFault{}, nil, nil, nil, nil, nil
	if d.Descriptor == "" {
		return
	}
	src, err := panel.ReadDescriptor("descriptor", strings.NewReader(d.Descriptor))
	if err != nil {
		d.Wrong = descriptorFaults(err)
		return
	}
	d.take(src)
}

// take takes a descriptor that was read.
func (d *draft) take(src *panel.Source) {
	described := src.Descriptor
	d.source, d.described = src, &described
	policy := src.Descriptor.Policy
	d.Policy, d.Price, d.Words, d.Measures = &policy, src.Descriptor.Price, policyIn(explain.English, src.Descriptor), src.Descriptor.MeasureNames()
	if src.Registry == "" {
		d.columns = src.AttributeIDs
	}
	d.Fields = fieldsOf(src.Descriptor, d.columns)
}

// descriptorFaults are the faults that an error is of.
func descriptorFaults(err error) []DescriptorFault {
	var all []error
	if many, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // the list that ReadDescriptor joins
		all = many.Unwrap()
	} else {
		all = []error{err}
	}
	out := []DescriptorFault{}
	for _, one := range all {
		if f, ok := errors.AsType[*panel.DescriptorError](one); ok {
			out = append(out, DescriptorFault{Line: f.Line, Column: f.Column, Field: f.Field, Message: f.Message, Want: f.Want})
		} else {
			out = append(out, DescriptorFault{Message: one.Error()})
		}
	}
	return out
}

// Described is another descriptor, or what changes of it: one of them is set.
type Described struct {
	Text    *string         `json:"text,omitempty"`
	Form    *Form           `json:"form,omitempty"`
	Dataset *string         `json:"dataset,omitempty"` // one's own, read as this machine read it last
	Append  bool            `json:"append,omitempty"`  // beside dataset
	Policy  *catalog.Policy `json:"policy,omitempty"`
	Price   *catalog.Price  `json:"price,omitempty"` // beside policy; without it there is none
	Closed  *string         `json:"closed_to,omitempty"`
}

// describe changes a draft's descriptor. The caller holds mu.
func (d *draft) describe(in Described) error {
	switch {
	case in.Closed != nil:
		d.Closed = strings.TrimSpace(*in.Closed)
		return nil
	case in.Text != nil:
		d.Dataset, d.Append, d.Descriptor = "", false, *in.Text
	case in.Form != nil:
		d.Dataset, d.Append, d.Descriptor = "", false, in.Form.text()
	case in.Policy != nil && d.Descriptor == "":
		return route.BadField("policy", "the files are read by a descriptor that the dataset has already", "amend the dataset on its own page")
	case in.Policy != nil:
		text := withField(d.Descriptor, "policy", policyText(*in.Policy))
		d.Descriptor = withField(text, "price", priceText(in.Price))
	default:
		return route.BadField("text", "there is no descriptor", "send a text, a form, a dataset or a policy")
	}
	d.Faults = nil
	d.readDescriptor()
	return nil
}
