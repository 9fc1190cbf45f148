package hj212

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// Item is what a frame says of one code: its fields (Rtd, Min, Avg, Max, Cou, Flag,
// SampleTime and others) by their names.
type Item struct {
	Code   string
	Fields []Field
}

// Field is a field of an item.
type Field struct{ Name, Value string }

// Get is a field's value; empty where it is not there.
func (i Item) Get(name string) string {
	value, _ := i.Lookup(name)
	return value
}

// Lookup is a field's value, and whether it is there.
func (i Item) Lookup(name string) (value string, ok bool) {
	for _, f := range i.Fields {
		if f.Name == name {
			return f.Value, true
		}
	}
	return "", false
}

// Data is what a frame's region says.
type Data struct {
	// Time is DataTime as it was written; empty where it is not there.
	Time  string
	Items []Item
	// Others are what has no code: PolId, SystemTime, QnRtn.
	Others  []Field
	Lenient []Leniency
}

// DataError is returned for a region that cannot be read.
type DataError struct {
	At   string // the text that cannot be read
	Want string
}

// Error implements error.
func (e *DataError) Error() string { return fmt.Sprintf("%.60q: %s", e.At, e.Want) }

// maxItems bounds the items of a region; one of 9,999 bytes cannot have more.
const maxItems = 5000

// Data reads the frame's region: DataTime=…;code-Rtd=…,code-Flag=…;… (HJ 212-2017 section
// 6.3.4). In a strict reading what is no item is a *DataError.
func (f Frame) Data(lenient bool) (Data, error) {
	var d Data
	note := func(l Leniency, at, want string) error {
		if !lenient {
			return &DataError{At: text([]byte(at)), Want: want}
		}
		if !slices.Contains(d.Lenient, l) {
			d.Lenient = append(d.Lenient, l)
		}
		return nil
	}
	if len(f.Region) == 0 {
		return d, nil
	}
	groups := strings.Split(strings.TrimSuffix(string(f.Region), ";"), ";")
	for _, group := range groups {
		code := ""
		for part := range strings.SplitSeq(group, ",") {
			trimmed := strings.TrimSpace(part)
			if trimmed == "" || trimmed != part {
				if err := note(LenientSplitter, group, "want items parted by one ; and their fields by one comma, without blanks"); err != nil {
					return d, err
				}
				if trimmed == "" {
					continue
				}
			}
			name, value, ok := strings.Cut(trimmed, "=")
			if !ok || name == "" {
				if err := note(LenientItem, part, "want name=value"); err != nil {
					return d, err
				}
				continue
			}
			own, field, coded := strings.Cut(name, "-")
			if coded && (own == "" || field == "") || !plain(name) {
				if err := note(LenientItem, part, "want a name of letters and digits, and its field behind a hyphen"); err != nil {
					return d, err
				}
				continue
			}
			if !coded {
				if err := d.other(name, value, note); err != nil {
					return d, err
				}
				continue
			}
			if code != "" && code != own {
				if err := note(LenientSplitter, group, "want the items of two codes parted by ;"); err != nil {
					return d, err
				}
			}
			code = own
			if err := d.add(own, Field{field, text([]byte(value))}, note); err != nil {
				return d, err
			}
			if len(d.Items) > maxItems {
				return d, &DataError{At: own, Want: "more items than a region has"}
			}
		}
	}
	return d, nil
}

// other adds what has no code.
func (d *Data) other(name, value string, note func(l Leniency, at, want string) error) error {
	if name != "DataTime" {
		d.Others = append(d.Others, Field{name, text([]byte(value))})
		return nil
	}
	if d.Time != "" && d.Time != value {
		return &DataError{At: "DataTime=" + value, Want: "a second time; want one a frame"}
	}
	if d.Time != "" {
		return note(LenientRepeated, "DataTime="+value, "is there twice")
	}
	d.Time = value
	return nil
}

// add adds a field of a code.
func (d *Data) add(code string, field Field, note func(l Leniency, at, want string) error) error {
	at := len(d.Items) - 1
	if at < 0 || d.Items[at].Code != code {
		at = slices.IndexFunc(d.Items, func(i Item) bool { return i.Code == code })
	}
	if at < 0 {
		d.Items = append(d.Items, Item{Code: code, Fields: []Field{field}})
		return nil
	}
	fields := d.Items[at].Fields
	for i := range fields {
		if fields[i].Name == field.Name {
			if err := note(LenientRepeated, code+"-"+field.Name, "is there twice"); err != nil {
				return err
			}
			fields[i].Value = field.Value
			return nil
		}
	}
	d.Items[at].Fields = append(fields, field)
	return nil
}

// plain reports whether a name has letters, digits, hyphens and underscores only.
func plain(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '-' && r != '_'
	})
}

// text is a value in UTF-8: GB 18030, of which GBK is a part, where it is not UTF-8 already.
// Words of two bytes a character may be both (校准 is); then they are GB 18030, for a
// Chinese text has three bytes a character in UTF-8.
func text(b []byte) string {
	short := func(r rune) bool { return r >= utf8.RuneSelf && r < 0x800 || r == utf8.RuneError }
	if !bytes.ContainsFunc(b, short) {
		return string(b)
	}
	if decoded, err := simplifiedchinese.GB18030.NewDecoder().Bytes(b); err == nil {
		return string(decoded)
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}

// ParseTime reads DataTime, 14 digits, in a zone.
func ParseTime(text string, zone *time.Location) (time.Time, error) {
	if !digits(len(timeForm))(text) {
		return time.Time{}, &DataError{At: text, Want: "want a time of 14 digits, YYYYMMDDhhmmss"}
	}
	t, err := time.ParseInLocation(timeForm, text, zone)
	if err != nil {
		return time.Time{}, &DataError{At: text, Want: "want a time that there is, as YYYYMMDDhhmmss"}
	}
	return t, nil
}
