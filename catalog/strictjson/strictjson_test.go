package strictjson_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/weirdata/weir/catalog/strictjson"
)

type thing struct {
	Name   string `json:"name"`
	Secret []byte `json:"secret"`
	Inner  struct {
		Count int `json:"count"`
	} `json:"inner"`
}

func TestOneValueWithWhiteSpaceAroundItIsRead(t *testing.T) {
	var got thing
	if err := strictjson.Decode([]byte(" {\"name\":\"a\",\n\"inner\":{\"count\":3}}\n"), &got); err != nil || got.Name != "a" || got.Inner.Count != 3 {
		t.Fatalf("%+v, %v", got, err)
	}
}

func TestWhatIsNotOneKnownValueIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		``:                                  "EOF",
		`{"name":"a"`:                       "unexpected EOF",
		`{"name":"a","more":1}`:             `unknown field "more"`,
		`{"inner":{"more":1}}`:              `unknown field "more"`,
		`{"name":"a"}{"name":"b"}`:          "more than one JSON value",
		`{"name":"a"} 7`:                    "more than one JSON value",
		`{"name":"a"} x`:                    "invalid character",
		`{"name":"a"} ]`:                    "invalid character",
		`[]`:                                "wrong type",
		`{"name":["hidden 17"]}`:            `field "name" has the wrong type`,
		`{"inner":{"count":170000.5}}`:      `has the wrong type`,
		`{"secret":"hidden 17 not base64"}`: "illegal base64 data",
	} {
		var got thing
		err := strictjson.Decode([]byte(text), &got)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error with %q", text, err, want)
			continue
		}
		for _, secret := range []string{"hidden", "17"} {
			if strings.Contains(text, secret) && strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the error %q quotes what was read", text, err)
			}
		}
	}
}

func TestReadHandsOnWhatTheReaderFailsWith(t *testing.T) {
	gone := errors.New("gone")
	for _, before := range []string{`{"name":`, `{"name":"a"}`} {
		var got thing
		if err := strictjson.Read(io.MultiReader(strings.NewReader(before), iotest.ErrReader(gone)), &got); !errors.Is(err, gone) {
			t.Errorf("after %s: %v, want %v", before, err, gone)
		}
	}
}
