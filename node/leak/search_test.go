package leak_test

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weirdata/weir/node/leak"
)

func TestASecretIsFoundHoweverItIsWritten(t *testing.T) {
	secret := []byte("\x00\x81 a secret of thirty bytes \xff")
	needles := append(leak.Forms("it", secret), leak.NumberForms("a number", 7213894561237845)...)
	quoted, err := json.Marshal(secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"before " + string(secret) + " behind", fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret), fmt.Sprintf("%q", secret), fmt.Sprintf("%d", secret), string(quoted),
		base64.StdEncoding.EncodeToString(append([]byte("x"), secret...)), base64.URLEncoding.EncodeToString(append([]byte("xy"), secret...)),
		"sum=7213894561237845;", string(binary.LittleEndian.AppendUint64(nil, 7213894561237845)), string(binary.BigEndian.AppendUint64(nil, 7213894561237845)),
	} {
		found := leak.Search([]leak.Place{{Name: "elsewhere", Bytes: []byte(strings.Repeat("nothing ", 100))}, {Name: "here", Bytes: []byte(text)}}, needles)
		if len(found) == 0 || slices.ContainsFunc(found, func(f string) bool { return !strings.HasSuffix(f, " in here") }) {
			t.Errorf("%q: found %q, want it here and nowhere else", text, found)
		}
	}
}

func TestFilesBelowADirectoryAreReadWithoutWhatIsReserved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "node")
	for i := range 5 {
		below := filepath.Join(dir, fmt.Sprint(i))
		if err := os.MkdirAll(below, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(below, "file"), append(make([]byte, 1<<20), "the end"...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	leak.Private(t, dir)
	list := leak.Files(t, dir)
	if len(list) != 5 {
		t.Fatalf("%d files", len(list))
	}
	for _, p := range list {
		if len(p.Bytes) > 64<<10 || !strings.HasSuffix(string(p.Bytes), "the end") {
			t.Errorf("%s: %d bytes are searched", p.Name, len(p.Bytes))
		}
	}
}

// A number of eight digits is found in base64 wherever it begins, and six of its digits in
// a time of day are no find.
func TestDigitsInBase64AreFoundWholeAlone(t *testing.T) {
	needles := leak.NumberForms("a number", 22360681)
	search := func(text string) []string {
		return leak.Search([]leak.Place{{Name: "text", Bytes: []byte(base64.StdEncoding.EncodeToString([]byte(text)))}}, needles)
	}
	for behind := range 3 {
		before := strings.Repeat("x", behind)
		if found := search(before + "22360681, and more"); len(found) == 0 {
			t.Errorf("behind %d bytes it is not found", behind)
		}
		for _, other := range []string{"1795540236068, and more", "1795540223606, and more", "1795542360689, and more"} {
			if found := search(before + other); len(found) > 0 {
				t.Errorf("in %s: %v", before+other, found)
			}
		}
	}
}

// A number of seven digits is found where it has an end, and not in a digest or a time.
func TestDigitsInADigestAreNoFind(t *testing.T) {
	needles := leak.NumberForms("a number", -6415927)
	needles = append(needles, leak.NumberForms("another", 6415927)...)
	for text, want := range map[string]bool{
		"6415927": true, "sum=6415927;": true, `"y":-6415927}`: true, "of6415927kg": true, "6415927, 6415927": true,
		"9f86d0816415927d659a2feaa0c55ad0": false, "1796415927068": false, "time 1796415927068, sum 6415927": true,
	} {
		found := leak.Search([]leak.Place{{Name: "text", Bytes: []byte(text)}}, needles)
		if len(found) > 0 != want {
			t.Errorf("in %q: found %q", text, found)
		}
	}
}

// What was written between holes is read, and the holes are not.
func TestWhatLiesBetweenHolesIsRead(t *testing.T) {
	dir := t.TempDir()
	for i := range 5 {
		f, err := os.Create(filepath.Join(dir, fmt.Sprint(i)))
		if err != nil {
			t.Fatal(err)
		}
		for at, text := range map[int64]string{100: "one", 64<<20 + 17: "two", 900 << 20: "three"} {
			if _, err := f.WriteAt([]byte(text), at); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(f.Truncate(1<<30), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range leak.Files(t, dir) {
		for _, text := range []string{"one", "two", "three"} {
			if !strings.Contains(string(p.Bytes), text) {
				t.Errorf("%s: %q is not read", p.Name, text)
			}
		}
		if len(p.Bytes) > 4<<20 {
			t.Errorf("%s: %d bytes are searched", p.Name, len(p.Bytes))
		}
	}
}
