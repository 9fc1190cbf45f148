package catalog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// FirstLevel is the feature level of the first program.
const FirstLevel = 1

// LevelPackedTiles is the feature level from which on tiles are packed when they are made.
const LevelPackedTiles = 6

// DecodeAt is DecodeStrict as every program decides it in a cluster of a feature level. A field
// that came with a later one, and a word that did or that is none, are errors like a field that
// is not known: a program of the release before does not know them. So nodes of two releases
// refuse alike until all have gone over.
//
// A field that came with a level has it in its tag, as in `since:"2"`; a word's type is a
// string and has the method Since, which is 0 for a word that is none.
func DecodeAt(level int, data []byte, into any) error {
	t := reflect.TypeOf(into)
	if !isLeveled(t) {
		return DecodeStrict(data, into)
	}
	return decodeStrict(data, into, func(value []byte) error {
		w := levelWalk{level: level, in: json.NewDecoder(bytes.NewReader(value))}
		return w.value(t)
	})
}

// word is what a string type has whose values came with levels.
type word interface{ Since() int }

// leveled remembers of types whether anything in them came with a level. Most bodies have no such
// thing, and some are large: they are read once, as before there were levels.
var leveled sync.Map // reflect.Type → bool

func isLeveled(t reflect.Type) bool {
	if known, asked := leveled.Load(t); asked {
		return known == true
	}
	is := findLeveled(t, map[reflect.Type]bool{})
	leveled.Store(t, is)
	return is
}

func findLeveled(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.String:
		return t.Implements(reflect.TypeFor[word]())
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return findLeveled(t.Elem(), seen)
	case reflect.Struct:
		return slices.ContainsFunc(reflect.VisibleFields(t), func(f reflect.StructField) bool {
			_, since := f.Tag.Lookup("since")
			return since || findLeveled(f.Type, seen)
		})
	default:
		return false
	}
}

// levelWalk goes through a JSON value that was read, with the type that it was read into. It
// sees names that occur twice both times, as a program does that lacks the field.
type levelWalk struct {
	level int
	in    *json.Decoder
}

func (w levelWalk) value(t reflect.Type) error {
	if t == nil || !isLeveled(t) {
		var passed json.RawMessage
		return w.in.Decode(&passed)
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	token, err := w.in.Token()
	if err != nil {
		return err
	}
	delim, nested := token.(json.Delim)
	if !nested {
		return w.word(t, token)
	}
	for w.in.More() {
		if delim == '{' {
			err = w.member(t)
		} else {
			err = w.value(inner(t, reflect.Slice, reflect.Array))
		}
		if err != nil {
			return err
		}
	}
	_, err = w.in.Token()
	return err
}

func (w levelWalk) member(t reflect.Type) error {
	token, err := w.in.Token()
	if err != nil {
		return err
	}
	if t.Kind() != reflect.Struct {
		return w.value(inner(t, reflect.Map))
	}
	name, _ := token.(string)
	f, known := fieldNamed(t, name)
	if !known { // of a type that reads itself
		return w.value(nil)
	}
	if since, _ := strconv.Atoi(f.Tag.Get("since")); since > w.level {
		return fmt.Errorf("field %.40q came with feature level %d, the cluster has %d", name, since, w.level)
	}
	return w.value(f.Type)
}

// word refuses a word that came later, or is none.
func (w levelWalk) word(t reflect.Type, token any) error {
	text, isText := token.(string)
	if !isText || text == "" || t.Kind() != reflect.String {
		return nil
	}
	v, isWord := reflect.ValueOf(text).Convert(t).Interface().(word)
	if isWord && (v.Since() == 0 || v.Since() > w.level) {
		return fmt.Errorf("%.40q is none of the words of the cluster's feature level %d", text, w.level)
	}
	return nil
}

// inner is the type of the elements of a type of one of some kinds; nil of another.
func inner(t reflect.Type, kinds ...reflect.Kind) reflect.Type {
	if slices.Contains(kinds, t.Kind()) {
		return t.Elem()
	}
	return nil
}

// fieldNamed is the field that encoding/json reads a name into, which it compares without
// regard to case, in the struct and what is embedded in it.
func fieldNamed(t reflect.Type, name string) (reflect.StructField, bool) {
	for _, f := range reflect.VisibleFields(t) {
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if tag != "" && strings.EqualFold(tag, name) {
			return f, true
		}
	}
	return reflect.StructField{}, false
}
