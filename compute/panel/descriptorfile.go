package panel

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/weirdata/weir/catalog"
)

// The form of a descriptor, DESCRIPTOR.md. Every scalar keeps its own text
// and position: 0.10 is not a float, 007 not 7, and faults name a line.

type fileDescriptor struct {
	Dataset     scalar        `yaml:"dataset"`
	Title       fileText      `yaml:"title"`
	Description fileText      `yaml:"description"`
	License     scalar        `yaml:"license"`
	Entity      fileEntity    `yaml:"entity"`
	Period      filePeriod    `yaml:"period"`
	UTCOffset   scalar        `yaml:"utc_offset"`
	Encoding    scalar        `yaml:"encoding"`
	Sheet       scalar        `yaml:"sheet"`
	HeaderRow   scalar        `yaml:"header_row"`
	Merged      scalar        `yaml:"merged"`
	Numbers     fileNumbers   `yaml:"numbers"`
	Parameter   fileParameter `yaml:"parameter"`
	Wide        fileWide      `yaml:"wide"`
	Rows        fileLists     `yaml:"rows"`
	Valid       fileLists     `yaml:"valid"`
	Missing     []scalar      `yaml:"missing"`
	Censored    *fileCensored `yaml:"censored"`
	Replicates  scalar        `yaml:"replicates"`
	Rename      fileRenames   `yaml:"rename"`
	Measures    []fileMeasure `yaml:"measures"`
	Policy      filePolicy    `yaml:"policy"`
	Price       *filePrice    `yaml:"price"`
}

type fileText struct {
	EN scalar `yaml:"en"`
	ZH scalar `yaml:"zh"`
}

type fileEntity struct {
	Registry   scalar          `yaml:"registry"`
	Column     scalar          `yaml:"column"`
	Columns    []scalar        `yaml:"columns"`
	Join       scalar          `yaml:"join"`
	Constant   scalar          `yaml:"constant"`
	File       scalar          `yaml:"file"`
	Attributes []fileAttribute `yaml:"attributes"`
	Numbers    []scalar        `yaml:"numbers"`
}

// fileAttribute is county, or {name: county, column: 县区} where the files call it
// otherwise than queries will.
type fileAttribute struct {
	Name   scalar `yaml:"name"`
	Column scalar `yaml:"column"`
}

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (a *fileAttribute) UnmarshalYAML(n ast.Node) error {
	if n.Type() == ast.MappingType {
		type plain fileAttribute // without this method
		return yaml.NodeToValue(n, (*plain)(a), yaml.Strict())
	}
	err := a.Name.UnmarshalYAML(n)
	a.Column = a.Name
	return err
}

type filePeriod struct {
	Columns []scalar `yaml:"columns"`
	Column  scalar   `yaml:"column"`
	Grain   scalar   `yaml:"grain"`
	Format  scalar   `yaml:"format"`
	Stamp   scalar   `yaml:"stamp"`
}

type fileMeasure struct {
	Name     scalar    `yaml:"name"`
	Column   scalar    `yaml:"column"`
	Unit     scalar    `yaml:"unit"`
	Range    []scalar  `yaml:"range"`
	Decimals scalar    `yaml:"decimals"`
	Squares  scalar    `yaml:"squares"`
	Buckets  []scalar  `yaml:"buckets"`
	Missing  []scalar  `yaml:"missing"`
	Valid    fileLists `yaml:"valid"`
	Round    scalar    `yaml:"round"`
	Limit    scalar    `yaml:"detection_limit"`
	Optional scalar    `yaml:"optional"`

	UCUM      scalar    `yaml:"ucum"`
	Pollutant scalar    `yaml:"pollutant"`
	PCAF      *filePCAF `yaml:"pcaf"`
}

type filePCAF struct {
	Scope  scalar `yaml:"scope"`
	Option scalar `yaml:"option"`
	Score  scalar `yaml:"score"`
}

// filePolicy is a policy as the file has it, a policyForm; not valid where it has none.
type filePolicy struct{ form reflect.Value }

// policyForm has what catalog's table says of each field of a policy, in its order.
var policyForm = func() reflect.Type {
	var fields []reflect.StructField
	for i, f := range catalog.PolicyFields() {
		fields = append(fields, formField(fmt.Sprintf("Field%d", i), f.Name, reflect.TypeOf(f.In(new(catalog.Policy))).Elem()))
	}
	return reflect.StructOf(fields)
}()

// formField is a field of a form, which the file calls by a name, for values of a type.
func formField(field, name string, t reflect.Type) reflect.StructField {
	return reflect.StructField{Name: field, Type: formOf(t), Tag: reflect.StructTag(`yaml:"` + name + `"`)}
}

// formOf is a type with scalars for its texts, numbers and flags.
func formOf(t reflect.Type) reflect.Type {
	switch t.Kind() {
	case reflect.Map:
		return reflect.TypeFor[fileTexts]()
	case reflect.Pointer:
		return reflect.PointerTo(formOf(t.Elem()))
	case reflect.Slice, reflect.Array:
		return reflect.SliceOf(formOf(t.Elem()))
	case reflect.Struct:
		fields := make([]reflect.StructField, t.NumField())
		for i := range fields {
			f := t.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			fields[i] = formField(f.Name, name, f.Type)
		}
		return reflect.StructOf(fields)
	}
	return reflect.TypeFor[scalar]()
}

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (p *filePolicy) UnmarshalYAML(n ast.Node) error {
	form := reflect.New(policyForm)
	p.form = form.Elem()
	return yaml.NodeToValue(n, form.Interface(), yaml.Strict())
}

type filePrice struct {
	PerQuery scalar `yaml:"per_query"`
	Currency scalar `yaml:"currency"`
}

// scalar is the text of a YAML scalar and where it stands. The zero value is
// one that is not in the file.
type scalar struct {
	text         string
	line, column int
}

func (s scalar) given() bool { return s.line > 0 }

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (s *scalar) UnmarshalYAML(n ast.Node) error {
	at := n.GetToken().Position
	s.line, s.column = at.Line, at.Column
	switch v := n.(type) {
	case *ast.StringNode:
		s.text = v.Value
	case *ast.LiteralNode:
		s.text = strings.TrimSuffix(v.Value.Value, "\n")
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		s.text = strings.TrimSpace(n.GetToken().Value)
	default:
		return &DescriptorError{Line: s.line, Column: s.column, Message: "want a single value here, not a " + strings.ToLower(n.Type().String())}
	}
	return nil
}

// DescriptorError is one fault of a descriptor.
type DescriptorError struct {
	File         string
	Line, Column int    // from 1; 0: nowhere in particular
	Field        string // path, e.g. measures[2].range; may be empty
	Message      string // what is wrong
	Want         string // what would be right; may be empty
}

// Error implements error: file:line:column: field: what is wrong; what would be
// right.
func (e *DescriptorError) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", e.Line, e.Column)
	}
	b.WriteString(": ")
	if e.Field != "" {
		b.WriteString(e.Field + ": ")
	}
	b.WriteString(e.Message)
	if e.Want != "" {
		b.WriteString("; " + e.Want)
	}
	return b.String()
}

// parseDescriptor reads the YAML into its form. Exactly one document, no
// unknown and no repeated fields, and no anchors, aliases, merges or tags: a
// descriptor needs none, and aliases multiply. No nulls either: the YAML null
// would silently become an empty text.
func parseDescriptor(b []byte) (fileDescriptor, *DescriptorError) {
	var d fileDescriptor
	file, err := parser.ParseBytes(b, 0)
	if err != nil {
		return d, yamlFault(err)
	}
	var body ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if body != nil {
			return d, faultAt(doc.Body.GetToken(), "a second document", "a descriptor is one")
		}
		body = doc.Body
	}
	if body == nil {
		return d, &DescriptorError{Line: 1, Column: 1, Message: "the descriptor is empty"}
	}
	var plain plainOnly
	ast.Walk(&plain, body)
	if _, null := plain.found.(*ast.NullNode); null {
		return d, faultAt(plain.found.GetToken(), "there is no value here", `leave the field out, or quote "null" or "~" where the text is meant`)
	}
	if plain.found != nil {
		return d, faultAt(plain.found.GetToken(), "anchors, aliases, merges and tags are not allowed", "write the value out")
	}
	if body.Type() != ast.MappingType {
		return d, faultAt(body.GetToken(), "a descriptor is a mapping of fields", "begin with: dataset: NAME; the descriptor is named before the files of data")
	}
	if err := yaml.NodeToValue(body, &d, yaml.Strict()); err != nil {
		return d, yamlFault(err)
	}
	return d, nil
}

// plainOnly finds the first node that is more than a plain value.
type plainOnly struct{ found ast.Node }

// Visit implements ast.Visitor.
func (p *plainOnly) Visit(n ast.Node) ast.Visitor {
	switch n.(type) {
	case *ast.NullNode, *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode, *ast.TagNode, *ast.DirectiveNode:
		if p.found == nil {
			p.found = n
		}
	}
	if p.found != nil {
		return nil
	}
	return p
}

func faultAt(t *token.Token, message, want string) *DescriptorError {
	e := &DescriptorError{Message: message, Want: want}
	if t != nil && t.Position != nil {
		e.Line, e.Column = t.Position.Line, t.Position.Column
	}
	return e
}
