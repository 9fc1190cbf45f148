package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// composeFile is what the test reads of node/dist/compose.yaml.
type composeFile struct {
	Services map[string]struct {
		Image       string
		Profiles    []string
		DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
		Volumes     []string
		Environment map[string]string
		Command     []string
	}
	Volumes map[string]any
}

// composed runs the services of a compose file as processes on this machine: a volume is a
// directory, and the name of a node an address of its own.
type composed struct {
	file  composeFile
	dir   string
	hosts map[string]string
}

// command is the process of a service.
func (c *composed) command(ctx context.Context, t *testing.T, name string) *exec.Cmd {
	t.Helper()
	s, there := c.file.Services[name]
	if !there || s.Image != "weir" {
		t.Fatalf("there is no service %s of the image weir", name)
	}
	place := func(text string) string {
		for _, v := range s.Volumes {
			volume, at, _ := strings.Cut(v, ":")
			at, _, _ = strings.Cut(at, ":")
			if _, named := c.file.Volumes[volume]; !named {
				t.Errorf("service %s uses volume %s, which is not listed", name, volume)
			}
			if rest, below := strings.CutPrefix(text, at); below && (rest == "" || rest[0] == '/') {
				return filepath.Join(c.dir, volume) + rest
			}
		}
		if host, port, is := strings.Cut(text, ":"); is && c.hosts[host] != "" {
			return c.hosts[host] + ":" + port
		}
		if strings.HasPrefix(text, "/") {
			t.Errorf("service %s names %s, which is in none of its volumes", name, text)
		}
		return text
	}
	var args []string
	for _, a := range s.Command {
		args = append(args, place(a))
	}
	cmd := exec.CommandContext(ctx, "weir", args...)
	cmd.Env = append(os.Environ(), "HOME="+c.dir)
	cmd.Env = append(cmd.Env, forBusyMachines...)
	for k, v := range s.Environment {
		cmd.Env = append(cmd.Env, k+"="+place(v))
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	return cmd
}

// once runs a service after those that it depends on.
func (c *composed) once(t *testing.T, name string, done map[string]bool) {
	t.Helper()
	if done[name] {
		return
	}
	done[name] = true
	var before []string
	for other, d := range c.file.Services[name].DependsOn {
		if d.Condition != "service_completed_successfully" {
			t.Errorf("service %s waits for %s to be %s", name, other, d.Condition)
		}
		before = append(before, other)
	}
	slices.Sort(before)
	for _, other := range before {
		c.once(t, other, done)
	}
	if out, err := c.command(t.Context(), t, name).CombinedOutput(); err != nil {
		t.Fatalf("service %s: %v\n%s", name, err, out)
	}
}

// The commands of the compose file found a cluster and run it. The container itself is not
// built here.
func TestComposeFileRunsACluster(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs a whole cluster")
	}
	t.Parallel()
	b, err := os.ReadFile(filepath.Join("..", "..", "node", "dist", "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	c := composed{dir: t.TempDir(), hosts: map[string]string{}}
	if err := yaml.Unmarshal(b, &c.file); err != nil {
		t.Fatal(err)
	}
	for volume := range c.file.Volumes {
		if err := os.Mkdir(filepath.Join(c.dir, volume), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	var nodes []string
	for name, s := range c.file.Services {
		if len(s.Profiles) == 0 {
			nodes = append(nodes, name)
			c.hosts[name] = ownHost()
		}
	}
	if len(nodes) != 3 {
		t.Fatalf("the nodes are %v", nodes)
	}
	c.once(t, "found", map[string]bool{})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, len(nodes))
	for _, name := range nodes {
		cmd := c.command(ctx, t, name)
		var log strings.Builder
		cmd.Stderr = &log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		go func() {
			err := cmd.Wait()
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Logf("node %s:\n%s", name, log.String())
			}
			ended <- err
		}()
	}
	tick, over := time.NewTicker(200*time.Millisecond), time.NewTimer(3*time.Minute)
	defer tick.Stop()
	defer over.Stop()
	for {
		out, err := c.command(t.Context(), t, "weir").CombinedOutput()
		if err == nil {
			break
		}
		select {
		case <-tick.C:
			continue
		case err := <-ended:
			t.Errorf("a node ended: %v", err)
			ended <- nil
		case <-over.C:
			t.Errorf("the cluster is not well after three minutes: %v\n%s", err, out)
		}
		break
	}
	stop()
	for range nodes {
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("a node ended: %v", err)
		}
	}
}
