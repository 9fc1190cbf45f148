package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/weirdata/weir/node/client"
)

// KeyOwner names whose key a command uses under --dir when --as does not say.
type KeyOwner string

// Those whose keys weir dev makes.
const (
	Bureau   KeyOwner = "bureau"
	Buyer    KeyOwner = "buyer"
	Operator KeyOwner = "operator"
	// Nobody is for a command that reads only what is public.
	Nobody KeyOwner = ""
)

// With connects, does something with the connection, and closes it.
func (a *App) With(who KeyOwner, do func(*client.Client) error) error {
	return a.WithOptions(who, client.Options{}, do)
}

// PublisherOptions have a place for interrupted uploads: the user's cache, where there is one.
func PublisherOptions() client.Options {
	var o client.Options
	if cache, err := os.UserCacheDir(); err == nil {
		o.Spool = filepath.Join(cache, "weir", "uploads")
	}
	return o
}

// WithOptions is With with options for the client.
func (a *App) WithOptions(who KeyOwner, o client.Options, do func(*client.Client) error) error {
	c, err := a.ConnectWith(who, o)
	if err != nil {
		return err
	}
	defer c.Close()
	defer a.renewProfile(c)
	return do(c)
}

// renewProfile writes the profile anew where the client has met a roster that is newer than it,
// by the word of the seats' operators, or a key that its publisher has moved since. One that cannot be written stays,
// and is renewed in memory at every command.
func (a *App) renewProfile(c *client.Client) {
	renewed, newer := c.Renewed()
	if !newer {
		return
	}
	path := a.profilePath()
	have, err := client.LoadProfile(path)
	if err != nil || have.Cluster != renewed.Cluster {
		return // it was read before, and is not what this command went by
	}
	roster, keys := have.Changes < renewed.Changes, false
	if roster {
		if a.addr == "" && os.Getenv("WEIR_ADDR") == "" {
			have.Addr = renewed.Addr
		}
		have.Nodes, have.Gone, have.Threshold, have.Changes = renewed.Nodes, renewed.Gone, renewed.Threshold, renewed.Changes
	}
	for publisher, changes := range renewed.Moved {
		if changes > have.Moved[publisher] {
			if have.Moved == nil {
				have.Moved = map[string]int{}
			}
			have.Moved[publisher], keys = changes, true
		}
	}
	if !roster && !keys {
		return
	}
	if err := have.Save(path); err != nil {
		a.Note("the cluster's roster changed, and %s could not be renewed: %v", path, err)
		return
	}
	if roster {
		a.Note("the cluster's roster changed, by the word of its seats' operators: %s pins it now", path)
	}
}

// Connect makes the client for a command, which closes it.
func (a *App) Connect(who KeyOwner) (*client.Client, error) {
	return a.ConnectWith(who, client.Options{})
}

// ConnectWith is Connect with options for the client.
func (a *App) ConnectWith(who KeyOwner, o client.Options) (*client.Client, error) {
	profile, err := a.LoadProfile()
	if err != nil {
		return nil, err
	}
	key, err := a.LoadKey(who)
	if err != nil {
		return nil, err
	}
	o.Records = a.RecordDir()
	return client.New(profile, key, o)
}

// LoadProfile finds what pins the cluster: --profile, --dir, WEIR_PROFILE,
// WEIR_DIR, then the user's own profile.
func (a *App) LoadProfile() (client.Profile, error) {
	dir, path := a.Directory(), a.profilePath()
	if path == "" {
		return client.Profile{}, errNoCluster
	}
	profile, err := client.LoadProfile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if dir != "" {
			return profile, fmt.Errorf("no cluster is running in %s (there is no %s); start one with `weir dev --dir %s`", dir, path, dir)
		}
		return profile, errNoCluster
	}
	if err != nil {
		return profile, fmt.Errorf("read the profile: %w", err)
	}
	if addr := cmp.Or(a.addr, os.Getenv("WEIR_ADDR")); addr != "" {
		if u, err := url.Parse(addr); err != nil || u.Scheme != "https" || u.Host == "" {
			return profile, &UsageError{Message: fmt.Sprintf("--addr, or WEIR_ADDR, is https://HOST:PORT, not %q", addr), Command: "weir"}
		}
		profile.Addr = addr
	}
	return profile, nil
}

// Profile is the file of --profile, or nothing.
func (a *App) Profile() string { return a.profile }

// profilePath is where the profile is looked for; empty: nowhere.
func (a *App) profilePath() string {
	if a.profile == "" && a.dir == "" && os.Getenv("WEIR_PROFILE") != "" {
		return os.Getenv("WEIR_PROFILE")
	}
	if a.profile == "" && a.Directory() != "" {
		return filepath.Join(a.Directory(), "ready.json")
	}
	if config, err := os.UserConfigDir(); err == nil {
		return cmp.Or(a.profile, filepath.Join(config, "weir", "profile.json"))
	}
	return a.profile
}

// errNoCluster is a usage error without a command of its own.
var errNoCluster = &UsageError{
	Message: "which cluster? give --dir D of a `weir dev` cluster, or --profile FILE that pins one",
	Command: "weir",
}

// Directory is --dir or WEIR_DIR.
func (a *App) Directory() string { return cmp.Or(a.dir, os.Getenv("WEIR_DIR")) }

// NodeDirectory is the directory of this machine's node: --dir, else the configured one, else
// WEIR_DIR, which is rather that of a `weir dev` cluster.
func (a *App) NodeDirectory(configured string) string {
	return cmp.Or(a.dir, configured, os.Getenv("WEIR_DIR"))
}

// LoadKey finds the key: --key, the one of --as or of the command under --dir,
// WEIR_KEY, the one under WEIR_DIR.
func (a *App) LoadKey(who KeyOwner) (*client.Key, error) {
	path := a.keyPath(who)
	if path == "" {
		if who == Nobody {
			return nil, nil //nolint:nilnil // a client without a key reads what is public
		}
		return nil, &UsageError{Message: "whose key? give --key FILE, or --dir D with the keys of a `weir dev` cluster", Command: "weir"}
	}
	key, err := client.LoadKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		if near, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*.key")); err == nil && len(near) > 0 && filepath.Base(filepath.Dir(path)) == "keys" {
			for i, k := range near {
				near[i] = strings.TrimSuffix(filepath.Base(k), ".key")
			}
			return nil, fmt.Errorf("there is no key at %s; there are those of %s, and others are given with --key FILE", path, strings.Join(near, ", "))
		}
		return nil, fmt.Errorf("there is no key at %s; make one with `weir keygen --name ORG --out %s`", path, path)
	}
	if err != nil {
		return nil, fmt.Errorf("read the key: %w", err)
	}
	return key, nil
}

func (a *App) keyPath(who KeyOwner) string {
	if a.as != "" {
		who = KeyOwner(a.as)
	}
	under := func(dir string) string {
		if dir == "" || who == Nobody {
			return ""
		}
		return filepath.Join(dir, "keys", string(who)+".key")
	}
	return cmp.Or(a.key, under(a.dir), os.Getenv("WEIR_KEY"), under(os.Getenv("WEIR_DIR")))
}

// RecordDir is where this machine keeps what it asked, published and registered: beside
// the profile.
func (a *App) RecordDir() string { return filepath.Dir(a.profilePath()) }
