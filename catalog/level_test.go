package catalog

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// color is a word: red came with the first program, green with level 2.
type color string

func (c color) Since() int {
	return map[color]int{"red": 1, "green": 2}[c]
}

// oldColor is what the first program makes of a color.
type oldColor string

func (c *oldColor) UnmarshalText(b []byte) error {
	if len(b) > 0 && string(b) != "red" {
		return errors.New("none of the words")
	}
	*c = oldColor(b)
	return nil
}

type leafAt2 struct {
	Color color  `json:"color,omitempty"`
	Plain string `json:"plain,omitempty"`
	Late  int    `json:"late,omitempty" since:"2"`
}

type bodyAt2 struct {
	leafAt2
	Name  string             `json:"name"`
	Extra *leafAt2           `json:"extra,omitempty" since:"2"`
	List  []leafAt2          `json:"list,omitempty"`
	Named map[string]leafAt2 `json:"named,omitempty"`
	Inner *bodyAt2           `json:"inner,omitempty"`
	Self  Digest             `json:"self,omitzero"`
}

type leafAt1 struct {
	Color oldColor `json:"color,omitempty"`
	Plain string   `json:"plain,omitempty"`
}

type bodyAt1 struct {
	leafAt1
	Name  string             `json:"name"`
	List  []leafAt1          `json:"list,omitempty"`
	Named map[string]leafAt1 `json:"named,omitempty"`
	Inner *bodyAt1           `json:"inner,omitempty"`
	Self  Digest             `json:"self,omitzero"`
}

// TestAProgramReadsAtALevelWhatTheOneBeforeItReads compares what a program makes of a body in
// a cluster of the first level with what the first program makes of it: a type without the
// newer fields, whose words are the older ones.
func TestAProgramReadsAtALevelWhatTheOneBeforeItReads(t *testing.T) {
	var read, refused int
	rapid.Check(t, func(t *rapid.T) {
		data := []byte(drawBody(t, 0))
		if rapid.IntRange(0, 9).Draw(t, "cut") == 0 {
			data = data[:rapid.IntRange(0, len(data)).Draw(t, "at")]
		}
		if rapid.IntRange(0, 9).Draw(t, "more") == 0 {
			data = append(data, " {}"...)
		}
		var old bodyAt1
		var now bodyAt2
		want, got := DecodeStrict(data, &old), DecodeAt(1, data, &now)
		if (want == nil) != (got == nil) || want != nil && Unreadable(want).String() != Unreadable(got).String() {
			t.Fatalf("%s: the program before says %v, this one %v", data, want, got)
		}
		if want == nil {
			read++
		} else {
			refused++
		}
	})
	if read == 0 || refused == 0 {
		t.Fatalf("%d read, %d refused", read, refused)
	}
}

// drawBody draws the JSON of a body, often with what a level has not.
func drawBody(t *rapid.T, depth int) string {
	names := []string{"name", "color", "plain", "list", "named", "self", `\u0070lain`, "plain"}
	if rapid.IntRange(0, 2).Draw(t, "newer") == 0 {
		names = append(names, "extra", "late", "Late", "LATE", `\u006cate`, "other", "Name", "late")
	}
	if depth < 2 {
		names = append(names, "inner", "inner")
	}
	var members []string
	for range rapid.IntRange(0, 4).Draw(t, "members") {
		name := rapid.SampledFrom(names).Draw(t, "name")
		var value string
		switch name {
		case "inner":
			value = drawBody(t, depth+1)
		case "list":
			value = "[" + drawLeaf(t) + "," + drawLeaf(t) + "]"
		case "named":
			value = `{"a":` + drawLeaf(t) + `}`
		case "extra":
			value = drawLeaf(t)
		case "color":
			value = drawColor(t)
		case "self":
			value = strconv.Quote(Sum(nil).String())
		default:
			value = rapid.SampledFrom([]string{`"x"`, "0", "7", "null", `""`}).Draw(t, "value")
		}
		members = append(members, `"`+name+`":`+value)
	}
	return "{" + strings.Join(members, ",") + "}"
}

func drawLeaf(t *rapid.T) string {
	late := rapid.SampledFrom([]string{"", "", "", `,"late":0`, `,"late":7`}).Draw(t, "late")
	return `{"color":` + drawColor(t) + late + `}`
}

func drawColor(t *rapid.T) string {
	return rapid.SampledFrom([]string{`"red"`, `"red"`, `"red"`, `""`, `"green"`, `"gr\u0065en"`, `"none"`, "null"}).Draw(t, "color")
}

func TestALevelOpensItsFieldsAndWords(t *testing.T) {
	for _, x := range []struct {
		data  string
		level int // from which on it is read; 9: never
	}{
		{`{"name":"x"}`, 1},
		{`{"color":"red"}`, 1},
		{`{"color":""}`, 1},
		{`{"color":"green"}`, 2},
		{`{"color":"blue"}`, 9},
		{`{"late":0}`, 2},
		{`{"late":null}`, 2},
		{`{"list":[{"plain":"a"},{"late":1}]}`, 2},
		{`{"named":{"a":{"color":"green"}}}`, 2},
		{`{"inner":{"inner":{"extra":{}}}}`, 2},
		{`{"other":1}`, 9},
	} {
		for level := 1; level <= 3; level++ {
			var b bodyAt2
			if err := DecodeAt(level, []byte(x.data), &b); (err == nil) != (level >= x.level) {
				t.Errorf("%s at level %d: %v", x.data, level, err)
			}
		}
	}
}
