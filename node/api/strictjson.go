package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxDepth bounds how deep a body's JSON may be nested; what is asked for has four levels.
const maxDepth = 32

// fieldLetters are what names of fields are made of.
const fieldLetters = "abcdefghijklmnopqrstuvwxyz0123456789_"

// unmarshalStrict reads one JSON value. Of a field that is there twice encoding/json would
// take the second, in whatever case it is written, and another reader the first: two
// parties would see two requests in the same bytes. encoding/json also takes ſ for s and
// the sign of Kelvin for k, so that a name counts only as it is written in package wire.
func unmarshalStrict(b []byte, into any) error {
	if err := checkFields(b); err != nil {
		return err
	}
	return json.Unmarshal(b, into)
}

// checkFields refuses objects with a field twice or with a name that no field here has,
// nesting that is too deep, and bytes after the value.
func checkFields(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var open []map[string]bool // the fields seen of every object that is open; nil: an array
	key := false               // the next token is a field's name or the end of its object
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil // what is missing json.Unmarshal says
		}
		if err != nil {
			return err
		}
		switch x := t.(type) {
		case json.Delim:
			switch x {
			case '{', '[':
				if len(open) == maxDepth {
					return fmt.Errorf("nested deeper than %d levels", maxDepth)
				}
				var fields map[string]bool
				if x == '{' {
					fields = map[string]bool{}
				}
				open, key = append(open, fields), x == '{'
				continue
			default:
				open = open[:len(open)-1]
			}
		case string:
			if key {
				if strings.Trim(x, fieldLetters) != "" {
					return fmt.Errorf("unknown field %.80q", x)
				}
				if open[len(open)-1][x] {
					return fmt.Errorf("field %.80q occurs twice", x)
				}
				open[len(open)-1][x], key = true, false
				continue
			}
		}
		key = len(open) > 0 && open[len(open)-1] != nil
	}
}
