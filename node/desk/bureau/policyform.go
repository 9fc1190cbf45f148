package bureau

import (
	"reflect"
	"slices"

	"github.com/weirdata/weir/catalog"
)

// PolicyField is a field of a policy, as a form has it.
type PolicyField struct {
	Name   string   `json:"name"`
	Kind   string   `json:"kind"` // text, number, flag, list, lists, pairs, texts (by name) or group (of texts)
	Values []string `json:"values,omitempty"`
	Public bool     `json:"public"` // it means something of a public dataset, too
	Most   int      `json:"most,omitempty"`
	Parts  []string `json:"parts,omitempty"` // of a group
}

// attributeFields are the fields whose items are attributes of the registry.
var attributeFields = []string{"cubes", "caps"}

// fieldsOf are the fields of the policy of a descriptor whose registry has the columns, by catalog's table.
func fieldsOf(d catalog.Descriptor, columns []string) []PolicyField {
	out := []PolicyField{}
	for _, f := range catalog.PolicyFields() {
		shown := PolicyField{Name: f.Name, Public: f.Public, Most: f.Most, Values: catalog.PolicyValues(f.Name, d)}
		of := reflect.TypeOf(f.In(&catalog.Policy{})).Elem()
		shown.Kind = kindOf(of)
		if shown.Kind == "group" {
			for i := range of.Elem().NumField() {
				shown.Parts = append(shown.Parts, of.Elem().Field(i).Tag.Get("json"))
			}
		}
		if slices.Contains(attributeFields, f.Name) {
			shown.Values = columns
		}
		out = append(out, shown)
	}
	return out
}

// kindOf is what a field of a type is typed as.
func kindOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Int:
		return "number"
	case reflect.Bool:
		return "flag"
	case reflect.Pointer:
		return "group"
	case reflect.Map:
		return "texts"
	case reflect.Slice:
		switch t.Elem().Kind() {
		case reflect.Slice:
			return "lists"
		case reflect.Array:
			return "pairs"
		}
		return "list"
	}
	return "text"
}
