package panel

import (
	"fmt"
	"reflect"
	"strings"
)

// positions maps every field of a descriptor, by its path, to where its value
// begins: policy.min_cohort, measures[0].range.
type positions map[string]scalar

func positionsOf(f fileDescriptor) positions {
	p := positions{}
	p.walk("", reflect.ValueOf(f))
	return p
}

// walk notes the positions in v and returns the first one.
func (p positions) walk(path string, v reflect.Value) (first scalar) {
	note := func(s scalar) {
		if s.given() && !first.given() {
			first = s
		}
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			note(p.walk(path, v.Elem()))
		}
	case reflect.Slice:
		for i := range v.Len() {
			note(p.walk(fmt.Sprintf("%s[%d]", path, i), v.Index(i)))
		}
	case reflect.Struct:
		switch s := v.Interface().(type) {
		case scalar:
			note(s)
		case fileLists, fileTexts, fileRenames: // their parts have no paths
		case filePolicy:
			note(p.walk(path, s.form))
		default:
			for i := range v.NumField() {
				note(p.walk(strings.TrimPrefix(path+"."+v.Type().Field(i).Tag.Get("yaml"), "."), v.Field(i)))
			}
		}
	}
	if first.given() {
		p[path] = first
	}
	return first
}

// of is the position of a field or, where the file has no such field, of what
// it would be in.
func (p positions) of(path string) scalar {
	for {
		if s, ok := p[path]; ok {
			return s
		}
		up := strings.LastIndexAny(path, ".[")
		if up < 0 {
			return scalar{}
		}
		path = path[:up]
	}
}
