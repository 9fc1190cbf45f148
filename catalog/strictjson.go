package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"
)

// maxObjectKeys bounds the members of one JSON object; no type here has as many.
const maxObjectKeys = 64

// Encode returns the JSON of a body, a request or a record. It panics where a type has no
// JSON; none of this package's is such.
func Encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("catalog: encoding %T: %v", v, err))
	}
	return b
}

// DecodeStrict reads exactly one JSON value: unknown fields, fields in another
// case, duplicate fields, invalid UTF-8 and bytes around the value are errors.
// encoding/json alone lets all of these but the first pass.
//
// An error is an *UnreadableError.
func DecodeStrict(data []byte, into any) error {
	return decodeStrict(data, into, func([]byte) error { return nil })
}

// decodeStrict is DecodeStrict with one more look at the value where it fits what it is read into.
func decodeStrict(data []byte, into any, check func(value []byte) error) error {
	if !utf8.Valid(data) {
		return unreadable("json.not_utf8")
	}
	if len(data) == 0 || data[0] != '{' {
		return unreadable("json.not_object")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	err := dec.Decode(into)
	if err == nil {
		err = check(data[:dec.InputOffset()])
	}
	if err != nil {
		return &UnreadableError{Why: Why("json.unfit"), Err: err}
	}
	if dec.InputOffset() != int64(len(data)) {
		return unreadable("json.trailing", dec.InputOffset())
	}
	return checkMembers(data)
}

// UnreadableError is that bytes are not what they should be. Why may be recorded; Err,
// what a library says of it, is for logs: another version of it may say something else.
type UnreadableError struct {
	Why Reason
	Err error
}

func unreadable(code string, args ...any) *UnreadableError {
	return &UnreadableError{Why: Why(code, args...)}
}

// Error implements error.
func (e *UnreadableError) Error() string {
	if e.Err == nil {
		return e.Why.String()
	}
	return e.Why.String() + ": " + e.Err.Error()
}

func (e *UnreadableError) Unwrap() error { return e.Err }

// Unreadable is why bytes cannot be read, by an error of DecodeStrict, ParsePayload or
// ParseEntry.
func Unreadable(err error) Reason {
	if e, ok := errors.AsType[*UnreadableError](err); ok {
		return e.Why
	}
	return Why("json.unfit")
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
			return unreadable("json.unknown_field", name)
		}
	}
	if slices.Contains(f.seen, name) {
		return unreadable("json.field_twice", name)
	}
	if len(f.seen) == maxObjectKeys {
		return unreadable("json.fields", maxObjectKeys)
	}
	f.seen, f.key = append(f.seen, name), false
	return nil
}
