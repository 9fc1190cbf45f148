// Package config reads what a node is started with: a YAML file of flat keys, over which
// variables of the environment go.
//
// A key is one row of the table in keys.go: its name, what it means, where its value goes.
// The file, the environment and the example that `weir node config` prints are read and
// written from that table alone. Everything else in a file is refused with line and column,
// because a key that is misspelt and ignored would leave a default where its owner believes
// in a setting.
package config

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/weirdata/weir/compute/suggest"
)

// KeyError is one thing that is wrong with a configuration.
type KeyError struct {
	Source       string // the file, or the variable of the environment
	Line, Column int    // in the file, from 1; 0: in the whole of it, or not in a file
	Message      string
	Want         string // what would be right; may be empty
}

// Error implements error.
func (f *KeyError) Error() string {
	var b strings.Builder
	b.WriteString(f.Source)
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", f.Line, f.Column)
	}
	b.WriteString(": " + f.Message)
	if f.Want != "" {
		b.WriteString("; " + f.Want)
	}
	return b.String()
}

// Read returns the configuration of a file, "" for none, with what the environment sets of
// it: lookup is os.LookupEnv but in tests. What neither sets is the zero value, which is the
// default. The error joins a *KeyError for each thing that is wrong, or says that the file cannot
// be read.
func Read(file string, lookup func(name string) (value string, set bool)) (c Config, err error) {
	var faults []error
	if file != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			return c, fmt.Errorf("read the node's configuration: %w", err)
		}
		faults = append(faults, parse(file, b, &c)...)
	}
	for _, k := range keys {
		name := k.variable()
		text, set := lookup(name)
		if !set {
			continue
		}
		if want := assign(k.of(&c), text); want != "" {
			faults = append(faults, &KeyError{Source: name, Message: fmt.Sprintf("%q is no value of %s", text, k.name), Want: "want " + want})
		}
	}
	return c, errors.Join(faults...)
}

// parse reads a file into c and returns what is wrong with it.
func parse(file string, b []byte, c *Config) (faults []error) {
	fault := func(at *token.Token, message, want string) {
		f := &KeyError{Source: file, Message: message, Want: want}
		if at != nil && at.Position != nil {
			f.Line, f.Column = at.Position.Line, at.Position.Column
		}
		faults = append(faults, f)
	}
	parsed, err := parser.ParseBytes(b, 0)
	if err != nil {
		if y, located := errors.AsType[yaml.Error](err); located {
			fault(y.GetToken(), y.GetMessage(), "")
		} else {
			fault(nil, strings.TrimSpace(err.Error()), "")
		}
		return faults
	}
	var pairs []*ast.MappingValueNode
	for _, doc := range parsed.Docs {
		switch body := doc.Body.(type) {
		case nil, *ast.CommentGroupNode:
		case *ast.MappingNode:
			pairs = append(pairs, body.Values...)
		case *ast.MappingValueNode:
			pairs = append(pairs, body)
		default:
			fault(body.GetToken(), "a configuration is a list of keys and values", "write for example: id: n1")
		}
	}
	seen := map[string]bool{}
	for _, p := range pairs {
		name := p.Key.GetToken().Value
		at := slices.IndexFunc(keys, func(k key) bool { return k.name == name })
		switch {
		case at < 0:
			want := "weir node config prints the keys"
			if n := suggest.Nearest(name, keyNames()); n != "" {
				want = "did you mean " + n + "?"
			}
			fault(p.Key.GetToken(), "there is no key "+name, want)
			continue
		case seen[name]:
			fault(p.Key.GetToken(), name+" is set a second time", "")
			continue
		}
		seen[name] = true
		switch p.Value.(type) {
		case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		default:
			fault(p.Key.GetToken(), name+" has no plain value", "leave the key out for its default")
			continue
		}
		text := p.Value.GetToken().Value
		if want := assign(keys[at].of(c), text); want != "" {
			fault(p.Value.GetToken(), fmt.Sprintf("%q is no value of %s", text, name), "want "+want)
		}
	}
	return faults
}

// Example is a file with every key, what it means and its default. What has to be set is
// set; the rest is commented out.
func Example() string {
	var b strings.Builder
	b.WriteString("# Configuration of a Weir node. Each key can be set by a variable of the environment\n" +
		"# too, such as " + keys[0].variable() + ", which goes over the file; flags go over both.\n")
	for _, k := range keys {
		b.WriteString("\n# " + strings.ReplaceAll(k.meaning, "\n", "\n# ") + "\n")
		if k.optional {
			b.WriteString("#")
		}
		fmt.Fprintf(&b, "%s: %s\n", k.name, k.example)
	}
	return b.String()
}
