//go:build linux

package dev

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/weirdata/weir/node/leak"
)

// A node's process leaves no core, and what it was started with, which every
// user of the machine may read, holds no secret.
func TestNodesLeaveNoCoresAndShowNoSecrets(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a whole cluster")
	}
	t.Parallel()
	ctx := testContext(t)
	c := start(ctx, t, t.TempDir(), "--log-level", "debug")
	secrets := map[string][]byte{}
	for _, id := range c.IDs() {
		secrets["seal key of "+id] = readAll(t, c.SealKey(id))
	}
	for _, p := range []string{Bureau, Buyer, Operator} {
		secrets["key of the "+p] = readAll(t, c.layout.key(p))
	}
	noCore := regexp.MustCompile(`(?m)^Max core file size\s+0\s+0\s`)
	c.showsNothing(ctx, t)
	for _, id := range c.IDs() {
		leak.Private(t, c.layout.node(id))
		pid := strings.TrimSpace(string(readAll(t, c.layout.pid(id))))
		if limits := readAll(t, "/proc/"+pid+"/limits"); !noCore.Match(limits) {
			t.Errorf("%s may leave a core:\n%s", id, limits)
		}
		for _, file := range []string{"cmdline", "environ"} {
			text, err := os.ReadFile("/proc/" + pid + "/" + file)
			if errors.Is(err, fs.ErrPermission) && os.Getuid() != 0 {
				continue // it is not dumpable: nobody but root reads it
			}
			if err != nil {
				t.Fatal(err)
			}
			if file == "cmdline" && !bytes.Contains(text, []byte(c.SealKey(id))) {
				t.Errorf("%s: the arguments do not name the file of the seal key, so this is not the node: %q", id, text)
			}
			for name, secret := range secrets {
				if at := shown(text, secret); at != "" {
					t.Errorf("%s of %s shows the %s: %s", file, id, name, at)
				}
			}
		}
	}
	// The search finds what it looks for.
	for name, secret := range secrets {
		if shown(append([]byte("weir\x00--key\x00"), secret...), secret) == "" {
			t.Errorf("the %s would not be found", name)
		}
	}
}

const watchedDescriptor = `dataset: watched
title: {en: Watched, zh: 看守}
license: CC0-1.0
entity: {column: station, attributes: []}
period: {column: period, grain: day}
utc_offset: "+08:00"
missing: [""]
measures:
  - {name: x, column: x, unit: t, range: [0, 1000000], decimals: 6}
policy: {aggregates: [count, sum], public: true}
`

// showsNothing publishes readings with the program itself, and asks for their sum: neither
// what it prints beside the answer nor a node's log at debug level nor a node's files, while
// it runs, have a reading, or the sum.
func (c *Cluster) showsNothing(ctx context.Context, t *testing.T) {
	t.Helper()
	readings, sum := []string{"123456.789012", "987654.321098", "555444.333222"}, "1666555.443332"
	dir, table := t.TempDir(), "station,period,x\n"
	for i, x := range readings {
		table += fmt.Sprintf("s%d,2024-01-01,%s\n", i, x)
	}
	for name, text := range map[string]string{"watched.yaml": watchedDescriptor, "watched.csv": table} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var said bytes.Buffer
	run := func(args ...string) string {
		cmd := exec.CommandContext(ctx, weir, append(args, "--dir", c.layout.dir)...) //nolint:gosec // the program under test
		cmd.Dir, cmd.Stderr = dir, &said
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("weir %v: %v\n%s", args, err, said.Bytes())
		}
		return string(out)
	}
	said.WriteString(run("dataset", "publish", "watched.yaml", "watched.csv"))
	order := strings.TrimSpace(run("order", "create", "--dataset", "watched", "--purpose", "test", "-o", "json"))
	id := regexp.MustCompile(`"order": *"([^"]+)"`).FindStringSubmatch(order)
	if id == nil {
		t.Fatalf("no order in %s", order)
	}
	said.WriteString(run("order", "approve", id[1]))
	if answer := run("query", "SELECT SUM(x) FROM watched"); !strings.Contains(answer, sum) {
		t.Fatalf("the answer %q does not have %s", answer, sum)
	}
	places := []leak.Place{{Name: "what the program says", Bytes: said.Bytes()}}
	for _, node := range c.IDs() {
		log := readAll(t, c.layout.log(node))
		if !bytes.Contains(log, []byte(`"DEBUG"`)) {
			t.Errorf("the log of %s is not at debug level", node)
		}
		places = append(places, leak.Place{Name: "log of " + node, Bytes: log})
		places = append(places, leak.Files(t, c.layout.node(node))...)
	}
	var needles []leak.Needle
	for _, x := range append(readings, sum) {
		digits := strings.ReplaceAll(x, ".", "")
		raw, err := strconv.ParseInt(digits, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		needles = append(append(needles, leak.Forms(x, []byte(x))...), leak.NumberForms(x+" in its smallest unit", raw)...)
	}
	for _, found := range leak.Search(places, needles) {
		t.Error(found)
	}
	leak.MustFindAll(t, "what was planted", []leak.Place{{Name: "planted", Bytes: leak.Planted(needles)}}, needles)
}

// shown returns the form in which a part of secret is in text.
func shown(text, secret []byte) string {
	for at := 0; at+16 <= len(secret); at += 8 {
		part := secret[at : at+16]
		for form, b := range map[string][]byte{
			"raw": part, "hexadecimal": []byte(hex.EncodeToString(part)),
			"base64": []byte(base64.RawStdEncoding.EncodeToString(part[:15])),
		} {
			if bytes.Contains(text, b) && len(bytes.TrimSpace(part)) == len(part) {
				return fmt.Sprintf("%s, from byte %d", form, at)
			}
		}
	}
	return ""
}

func readAll(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
