package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/weirdata/weir/node/client"
)

// owner names whose key a command uses under --dir when --as does not say.
type owner string

const (
	bureau   owner = "bureau"
	buyer    owner = "buyer"
	operator owner = "operator"
	// nobody: the command reads only what is public.
	nobody owner = ""
)

// with connects, does something with the connection, and closes it.
func (a *app) with(who owner, do func(*client.Client) error) error {
	c, err := a.connect(who)
	if err != nil {
		return err
	}
	defer c.Close()
	return do(c)
}

// connect makes the client for a command, which closes it.
func (a *app) connect(who owner) (*client.Client, error) {
	return a.connectWith(who, client.Options{})
}

func (a *app) connectWith(who owner, o client.Options) (*client.Client, error) {
	profile, err := a.loadProfile()
	if err != nil {
		return nil, err
	}
	key, err := a.loadKey(who)
	if err != nil {
		return nil, err
	}
	o.Records = a.recordDir()
	return client.New(profile, key, o)
}

// loadProfile finds what pins the cluster: --profile, --dir, WEIR_PROFILE,
// WEIR_DIR, then the user's own profile.
func (a *app) loadProfile() (client.Profile, error) {
	dir, path := a.directory(), a.profilePath()
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
	if addr := setting(a.addr, "WEIR_ADDR"); addr != "" {
		if u, err := url.Parse(addr); err != nil || u.Scheme != "https" || u.Host == "" {
			return profile, &usageError{message: fmt.Sprintf("--addr, or WEIR_ADDR, is https://HOST:PORT, not %q", addr), command: "weir"}
		}
		profile.Addr = addr
	}
	return profile, nil
}

// profilePath is where the profile is looked for; empty: nowhere.
func (a *app) profilePath() string {
	path := a.profile
	dir := a.directory()
	if path == "" && a.dir == "" {
		path = os.Getenv("WEIR_PROFILE")
	}
	if path == "" && dir != "" {
		path = filepath.Join(dir, "ready.json")
	}
	if path == "" {
		if config, err := os.UserConfigDir(); err == nil {
			path = filepath.Join(config, "weir", "profile.json")
		}
	}
	return path
}

// errNoCluster is a usage error without a command of its own.
var errNoCluster = &usageError{
	message: "which cluster? give --dir D of a `weir dev` cluster, or --profile FILE that pins one",
	command: "weir",
}

// directory is --dir or WEIR_DIR.
func (a *app) directory() string { return setting(a.dir, "WEIR_DIR") }

// loadKey finds the key: --key, the one of --as or of the command under --dir,
// WEIR_KEY, the one under WEIR_DIR.
func (a *app) loadKey(who owner) (*client.Key, error) {
	path := a.keyPath(who)
	if path == "" {
		if who == nobody {
			return nil, nil //nolint:nilnil // a client without a key reads what is public
		}
		return nil, &usageError{message: "whose key? give --key FILE, or --dir D with the keys of a `weir dev` cluster", command: "weir"}
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

func (a *app) keyPath(who owner) string {
	if a.as != "" {
		who = owner(a.as)
	}
	under := func(dir string) string {
		if dir == "" || who == nobody {
			return ""
		}
		return filepath.Join(dir, "keys", string(who)+".key")
	}
	for _, path := range []string{a.key, under(a.dir), os.Getenv("WEIR_KEY"), under(os.Getenv("WEIR_DIR"))} {
		if path != "" {
			return path
		}
	}
	return ""
}
