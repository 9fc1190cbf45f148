// Package dist holds what a node is given out with: the unit of systemd, the packages'
// contents, the container, and the script that builds them.
package dist

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// Systemd's own judgement of how far the service is kept from the machine.
func TestServiceIsConfined(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd-analyze is not on this machine")
	}
	out, err := exec.CommandContext(t.Context(), "systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", "./weir-node.service").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if !strings.Contains(string(out), " OK ") {
		t.Errorf("it is not OK: %s", out[max(0, len(out)-200):])
	}
}

// What the packages hold is in the tree, or made by the script that builds them.
func TestPackagesHoldWhatThereIs(t *testing.T) {
	b, err := os.ReadFile("nfpm.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Contents []struct {
			Src, Dst string
			Type     string         `yaml:"type"`
			FileInfo map[string]int `yaml:"file_info"`
		} `yaml:"contents"`
		Scripts map[string]string `yaml:"scripts"`
	}
	if err := yaml.Unmarshal(b, &config); err != nil {
		t.Fatal(err)
	}
	build, err := os.ReadFile("build")
	if err != nil {
		t.Fatal(err)
	}
	sources := []string{config.Scripts["postinstall"]}
	for _, c := range config.Contents {
		sources = append(sources, c.Src)
	}
	if len(sources) < 8 {
		t.Fatalf("the packages hold %q", sources)
	}
	made := regexp.MustCompile(`^\$\{OUT\}/(.*?)/?$`)
	for _, src := range sources {
		if m := made.FindStringSubmatch(src); m != nil {
			if !strings.Contains(string(build), `$OUT/`+m[1]) {
				t.Errorf("build does not make %s", src)
			}
			continue
		}
		if _, err := os.Stat("../../" + src); err != nil {
			t.Error(err)
		}
	}
}
