package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// maxObjectKeys bounds the members of one JSON object; no type here has as many.
const maxObjectKeys = 64

// encode returns the JSON of one of this package's own types, which cannot fail.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("catalog: encoding %T: %v", v, err))
	}
	return b
}

// decodeStrict reads exactly one JSON value: unknown fields, fields in another
// case, duplicate fields, invalid UTF-8 and bytes around the value are errors.
// encoding/json alone lets all of these but the first pass.
func decodeStrict(data []byte, into any) error {
	if !utf8.Valid(data) {
		return errors.New("not valid UTF-8")
	}
	if len(data) == 0 || data[0] != '{' {
		return errors.New("not a JSON object")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("decode JSON: %w", err)
	}
	if dec.InputOffset() != int64(len(data)) {
		return errors.New("bytes after the JSON object")
	}
	return checkMembers(data)
}

// jsonFrame is an open object or array of checkMembers.
type jsonFrame struct {
	object bool
	key    bool // the next string is a member name
	seen   []string
}

// checkMembers refuses member names that occur twice or are not spelled like
// the names of this package's types. data is one valid JSON value.
func checkMembers(data []byte) error {
	var stack []jsonFrame
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '{':
			stack = append(stack, jsonFrame{object: true, key: true})
		case '[':
			stack = append(stack, jsonFrame{})
		case '}', ']':
			stack = stack[:len(stack)-1]
		case ',':
			if top := &stack[len(stack)-1]; top.object {
				top.key = true
			}
		case '"':
			end := i + 1
			for data[end] != '"' {
				if data[end] == '\\' {
					end++
				}
				end++
			}
			if top := len(stack) - 1; top >= 0 && stack[top].key {
				if err := stack[top].member(string(data[i+1 : end])); err != nil {
					return err
				}
			}
			i = end
		}
	}
	return nil
}

func (f *jsonFrame) member(name string) error {
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return fmt.Errorf("unknown field %.80q", name)
		}
	}
	for _, s := range f.seen {
		if s == name {
			return fmt.Errorf("field %q occurs twice", name)
		}
	}
	if len(f.seen) == maxObjectKeys {
		return fmt.Errorf("an object has more than %d fields", maxObjectKeys)
	}
	f.seen, f.key = append(f.seen, name), false
	return nil
}
