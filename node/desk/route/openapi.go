package route

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/weirdata/weir/node/api/wire"
)

// parameter finds the parameters of a path.
var parameter = regexp.MustCompile(`\{(\w+)\}`)

// OpenAPI describes routes as an OpenAPI 3.1 document.
func OpenAPI(routes []Route) ([]byte, error) {
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "Weir desk", Version: "1",
			Description: "What the page of `weir desk` talks to on this machine. GET the link that the command prints, once: " +
				"its answer sets the cookie weir_desk and has the header X-Weir-Desk; every request has to carry both.",
		},
		Components: &huma.Components{
			Schemas: huma.NewMapRegistry("#/components/schemas/", schemaName),
			SecuritySchemes: map[string]*huma.SecurityScheme{
				"cookie": {Type: "apiKey", In: "cookie", Name: "weir_desk"},
				"header": {Type: "apiKey", In: "header", Name: "X-Weir-Desk"},
			},
		},
		Security: []map[string][]string{{"cookie": {}, "header": {}}},
		Paths:    map[string]*huma.PathItem{},
	}
	schemas := doc.Components.Schemas
	problem := schemas.Schema(reflect.TypeFor[wire.Problem](), true, "Problem")
	for _, r := range routes {
		op := &huma.Operation{
			Method: r.Method, Path: r.Path, Summary: r.Summary, OperationID: operationID(r),
			Responses: map[string]*huma.Response{"default": {
				Description: "A problem, RFC 9457", Content: map[string]*huma.MediaType{"application/problem+json": {Schema: problem}},
			}},
		}
		if r.Effect == Changes {
			op.Description = "It spends, signs or changes something; a read-only desk refuses it."
		}
		for i := range r.input.NumField() {
			describeField(op, schemas, r.input.Field(i))
		}
		for _, m := range parameter.FindAllStringSubmatch(r.Path, -1) {
			if !has(op.Parameters, m[1]) {
				return nil, fmt.Errorf("%s %s: its input has no parameter %s", r.Method, r.Path, m[1])
			}
		}
		content := map[string]*huma.MediaType{"application/octet-stream": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}
		if r.output != nil {
			content = map[string]*huma.MediaType{"application/json": {Schema: schemas.Schema(r.output, true, "")}}
		}
		op.Responses["200"] = &huma.Response{Description: "Done", Content: content}
		item := doc.Paths[r.Path]
		if item == nil {
			item = &huma.PathItem{}
			doc.Paths[r.Path] = item
		}
		switch r.Method {
		case "GET":
			item.Get = op
		case "POST":
			item.Post = op
		default:
			return nil, fmt.Errorf("%s %s: a desk has GET and POST alone", r.Method, r.Path)
		}
	}
	b, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the OpenAPI document: %w", err)
	}
	return append(b, '\n'), nil
}

func describeField(op *huma.Operation, schemas huma.Registry, f reflect.StructField) {
	kind := &huma.Schema{Type: huma.TypeString}
	if f.Type.Kind() == reflect.Int {
		kind = &huma.Schema{Type: huma.TypeInteger}
	}
	switch path, query := f.Tag.Get("path"), f.Tag.Get("query"); {
	case f.Name == bodyField:
		op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: schemas.Schema(f.Type, true, "")}}}
	case path != "":
		op.Parameters = append(op.Parameters, &huma.Param{Name: path, In: "path", Required: true, Schema: kind})
	case query != "":
		op.Parameters = append(op.Parameters, &huma.Param{Name: query, In: "query", Description: f.Tag.Get("doc"), Schema: kind})
	}
}

func has(list []*huma.Param, name string) bool {
	for _, p := range list {
		if p.Name == name && p.In == "path" {
			return true
		}
	}
	return false
}

// operationID names a route by its method and path.
func operationID(r Route) string {
	return strings.ToLower(r.Method) + strings.NewReplacer("/", "-", "{", "", "}", "").Replace(strings.TrimPrefix(r.Path, "/api"))
}

// schemaName is a type's name in the document, with its package.
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	name := huma.DefaultSchemaNamer(t, hint)
	if at := strings.LastIndexByte(t.PkgPath(), '/'); at >= 0 && t.Name() != "" {
		pkg := t.PkgPath()[at+1:]
		return strings.ToUpper(pkg[:1]) + pkg[1:] + name
	}
	return name
}
