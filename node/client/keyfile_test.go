package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func savedKey(t *testing.T) (*Key, string) {
	t.Helper()
	k, err := NewKey("衡水市生态环境局")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "bureau.key")
	if err := k.Save(path); err != nil {
		t.Fatal(err)
	}
	return k, path
}

func TestKeyFileIsPrivateAndReadBackAsItWas(t *testing.T) {
	k, path := savedKey(t)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %04o", info.Mode().Perm())
	}
	back, err := LoadKey(path)
	if err != nil {
		t.Fatal(err)
	}
	if !back.signing.Equal(k.signing) || !bytes.Equal(back.receiving, k.receiving) || back.ID() != k.ID() {
		t.Error("another key was read back")
	}
	public, err := LoadPublicKey(path + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(k.Public(), public); diff != "" {
		t.Error(diff)
	}
	if err := k.Save(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a key was overwritten: %v", err)
	}
}

func TestKeyFileThatOthersMayReadIsRefused(t *testing.T) {
	_, path := savedKey(t)
	for _, mode := range []fs.FileMode{0o644, 0o640, 0o660, 0o604, 0o610} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadKey(path); !errors.Is(err, ErrKeyFile) || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
}

func TestPrintedKeyShowsNoSecret(t *testing.T) {
	k, _ := savedKey(t)
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		text := fmt.Sprintf(format, k)
		for _, secret := range [][]byte{k.signing.Seed(), k.receiving} {
			if strings.Contains(text, string(secret)) || strings.Contains(text, fmt.Sprintf("%d", secret)) || strings.Contains(text, fmt.Sprintf("%x", secret)) {
				t.Errorf("%s shows a secret: %s", format, text)
			}
		}
	}
}

func TestMalformedKeyFilesAreRefusedWithoutQuotingThem(t *testing.T) {
	k, path := savedKey(t)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	edit := func(change func(map[string]any)) string {
		var m map[string]any
		if err := json.Unmarshal(good, &m); err != nil {
			t.Fatal(err)
		}
		change(m)
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	seed := edit(func(map[string]any) {})
	for name, text := range map[string]string{
		"empty":          "",
		"truncated":      string(good[:len(good)/2]),
		"two values":     string(good) + "{}",
		"unknown field":  edit(func(m map[string]any) { m["extra"] = 1 }),
		"other version":  edit(func(m map[string]any) { m["version"] = 2 }),
		"short seed":     edit(func(m map[string]any) { m["seed"] = "AAAA" }),
		"no name":        edit(func(m map[string]any) { m["name"] = "" }),
		"wrong type":     edit(func(m map[string]any) { m["seed"] = 5 }),
		"short receiver": edit(func(m map[string]any) { m["receiving"] = "AAAA" }),
	} {
		_, err := parseKey([]byte(text))
		if err == nil {
			t.Errorf("%s was read", name)
			continue
		}
		if strings.Contains(err.Error(), string(k.signing.Seed())) || len(err.Error()) > 200 {
			t.Errorf("%s: the error quotes the file: %v", name, err)
		}
	}
	if _, err := parseKey([]byte(seed)); err != nil {
		t.Errorf("the unchanged file is refused: %v", err)
	}
}

func FuzzParseKeyFiles(f *testing.F) {
	k, err := NewKey("x")
	if err != nil {
		f.Fatal(err)
	}
	secret, err := json.Marshal(secretKey{Version: 1, Name: "x", Seed: k.signing.Seed(), Receiving: k.receiving})
	if err != nil {
		f.Fatal(err)
	}
	public, err := json.Marshal(k.Public())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(secret)
	f.Add(public)
	f.Add([]byte(`{"version":1,"name":"x"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if k, err := parseKey(b); err == nil && (k.ID() == "" || k.Name == "") {
			t.Error("a key without a name or id was read")
		}
		var p PublicKey
		if err := parsePublicKey(b, &p); err == nil && (p.Name == "" || len(p.Key) != 32) {
			t.Errorf("read %+v", p)
		}
	})
}

func TestProfileIsCheckedAndSavedWhole(t *testing.T) {
	good := Profile{Addr: "https://h:1", Cluster: [32]byte{1}, Nodes: []ProfileNode{{ID: "n1", Addr: "https://h:1", Key: make([]byte, 32)}}}
	path := filepath.Join(t.TempDir(), "ready.json")
	if err := good.Save(path); err != nil {
		t.Fatal(err)
	}
	back, err := LoadProfile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(good, back); diff != "" {
		t.Error(diff)
	}
	for name, change := range map[string]func(*Profile){
		"no cluster": func(p *Profile) { p.Cluster = [32]byte{} },
		"no nodes":   func(p *Profile) { p.Nodes = nil },
		"no id":      func(p *Profile) { p.Nodes[0].ID = "" },
		"short key":  func(p *Profile) { p.Nodes[0].Key = nil },
		"http":       func(p *Profile) { p.Nodes[0].Addr = "http://h:1" },
		"no host":    func(p *Profile) { p.Addr = "https://" },
		"user":       func(p *Profile) { p.Addr = "https://u:p@h" },
		"twice":      func(p *Profile) { p.Nodes = append(p.Nodes, p.Nodes[0]) },
	} {
		bad := good
		bad.Nodes = append([]ProfileNode(nil), good.Nodes...)
		change(&bad)
		if err := bad.Save(path); !errors.Is(err, ErrProfile) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := New(bad, nil, Options{}); !errors.Is(err, ErrProfile) {
			t.Errorf("%s: a client was made: %v", name, err)
		}
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("saving left %d files", len(entries))
	}
}
