package panel

import (
	"errors"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
)

// yamlFault turns the parser's error into ours, with its position.
func yamlFault(err error) *DescriptorError {
	if own, ok := errors.AsType[*DescriptorError](err); ok {
		return own
	}
	if unknown, ok := errors.AsType[*yaml.UnknownFieldError](err); ok && unknown.Token != nil {
		e := faultAt(unknown.Token, "unknown field "+unknown.Token.Value, "")
		if n := nearest(unknown.Token.Value, fieldNames(reflect.TypeFor[fileDescriptor]())); n != "" {
			e.Want = "did you mean " + n + "?"
		}
		return e
	}
	if y, ok := errors.AsType[yaml.Error](err); ok {
		return faultAt(y.GetToken(), y.GetMessage(), "")
	}
	return &DescriptorError{Message: strings.TrimSpace(err.Error())}
}

// fieldNames lists the YAML names of a type's fields and of theirs.
func fieldNames(t reflect.Type) []string {
	switch t.Kind() {
	case reflect.Slice, reflect.Pointer:
		return fieldNames(t.Elem())
	case reflect.Struct:
		if t == reflect.TypeFor[filePolicy]() {
			t = policyForm
		}
	default:
		return nil
	}
	var names []string
	for i := range t.NumField() {
		if tag := t.Field(i).Tag.Get("yaml"); tag != "" {
			names = append(names, tag)
			names = append(names, fieldNames(t.Field(i).Type)...)
		}
	}
	return names
}
