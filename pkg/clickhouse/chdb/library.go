package chdb

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// pkg is an npm package that has libchdb for one platform.
type pkg struct {
	name, version string
	integrity     string // of the archive, as npm writes it
	file          string // the library's name in the archive
	size          int64  // of the library, in bytes
	download      string // for people
}

// platforms lists what can be had, by GOOS/GOARCH. The names @chdb/lib-darwin-arm64, lib-darwin-x64 and
// lib-linux-arm64-gnu are reserved by chDB; their entries come once an archive can be seen and its integrity pinned.
var platforms = map[string]pkg{ //nolint:gochecknoglobals // constant table
	"linux/amd64": {
		name: "@chdb/lib-linux-x64-gnu", version: "26.5.3",
		integrity: "sha512-fPrLmRt5Moor9yGz4mazbrNje4t7X9KB2mTGkXFWRxRBs2iKy8yh6jx11xsa0Qr3iDFMU/yHqd+bVdYJXu3QaQ==",
		file:      "package/libchdb.so", size: 559044752, download: "167 MB",
	},
}

// otherwise is the way out of every fault of this file.
const otherwise = "set PENSTOCK_CLICKHOUSE to the address of a ClickHouse server, as clickhouse://user:password@host:9000/database"

// fetchTimeout bounds the wait for another process that is fetching.
const fetchTimeout = 15 * time.Minute

// CacheDir returns the folder for what is fetched once: PENSTOCK_CACHE, or the user's cache folder.
func CacheDir() (string, error) {
	if dir := os.Getenv("PENSTOCK_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache folder: %w; set PENSTOCK_CACHE to one", err)
	}
	return filepath.Join(dir, "penstock"), nil
}

// Library returns the path of libchdb in the cache folder (empty means [CacheDir]). If it is not there, it is fetched by
// npm, so with npm's registry, proxy and certificates, and checked against a hash that is part of this program. Several
// processes may do so at once: one fetches, the others wait.
func Library(ctx context.Context, cache string, log *slog.Logger) (string, error) {
	platform := runtime.GOOS + "/" + runtime.GOARCH
	p, ok := platforms[platform]
	if !ok {
		return "", fmt.Errorf("chdb: the embedded ClickHouse is not available for %s; %s", platform, otherwise)
	}
	path, err := p.library(ctx, cache, log)
	if err != nil {
		return "", fmt.Errorf("chdb: fetch ClickHouse: %w", err)
	}
	return path, nil
}

func (p pkg) library(ctx context.Context, cache string, log *slog.Logger) (string, error) {
	if cache == "" {
		var err error
		if cache, err = CacheDir(); err != nil {
			return "", err
		}
	}
	dir := filepath.Join(cache, "chdb", p.version)
	path := filepath.Join(dir, filepath.Base(p.file))
	if p.present(path) {
		return path, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("cache folder: %w; set PENSTOCK_CACHE to one that can be written", err)
	}
	unlock, err := lock(ctx, filepath.Join(dir, "lock"), fetchTimeout)
	if err != nil {
		return "", fmt.Errorf("cache folder %s: %w", dir, err)
	}
	defer unlock()
	if p.present(path) { // another process was quicker
		return path, nil
	}
	log.Info("fetching ClickHouse (chDB), once", "version", p.version, "download", p.download, "into", dir)
	return path, p.fetch(ctx, dir, path)
}

// present reports whether the library is there, whole: it is renamed into place when it is.
func (p pkg) present(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Size() == p.size
}

// fetch gets the archive into a folder of its own in dir, and the library out of it to path.
func (p pkg) fetch(ctx context.Context, dir, path string) (err error) {
	work, err := os.MkdirTemp(dir, "fetch-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()

	archive, err := p.pack(ctx, work)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, archive.Close()) }()
	if err := verify(archive, p.integrity); err != nil {
		return fmt.Errorf("%s@%s: %w", p.name, p.version, err)
	}
	if _, err := archive.Seek(0, io.SeekStart); err != nil {
		return err
	}
	whole := filepath.Join(work, "library")
	if err := extract(archive, p.file, whole); err != nil {
		return fmt.Errorf("%s@%s: %w", p.name, p.version, err)
	}
	if !p.present(whole) {
		return fmt.Errorf("%s@%s: %s is not of %d bytes", p.name, p.version, p.file, p.size)
	}
	return os.Rename(whole, path)
}

// pack has npm download the archive into dir, which is empty.
func (p pkg) pack(ctx context.Context, dir string) (*os.File, error) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return nil, fmt.Errorf("npm is not installed (%w); install Node.js with npm, or %s", err, otherwise)
	}
	cmd := exec.CommandContext(ctx, npm, "pack", p.name+"@"+p.version, "--pack-destination", dir, "--silent")
	cmd.Dir = dir // away from any package.json
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, fmt.Errorf("npm pack %s@%s: %w: %s; let npm reach its registry, or %s",
			p.name, p.version, err, lastLines(said.String()), otherwise)
	}
	found, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(found) != 1 {
		return nil, fmt.Errorf("npm pack %s@%s left %d archives: %s", p.name, p.version, len(found), lastLines(said.String()))
	}
	return os.Open(found[0])
}

// lastLines returns the end of what a program said, on one line.
func lastLines(text string) string {
	lines := strings.Fields(text)
	if most := 60; len(lines) > most {
		lines = lines[len(lines)-most:]
	}
	return strings.Join(lines, " ")
}

// verify compares what r has with a hash as npm writes it, sha512-<base64>.
func verify(r io.Reader, integrity string) error {
	h := sha512.New()
	if _, err := io.Copy(h, r); err != nil {
		return err
	}
	if got := "sha512-" + base64.StdEncoding.EncodeToString(h.Sum(nil)); got != integrity {
		return fmt.Errorf("integrity is %s, want %s: the registry served something else; %s", got, integrity, otherwise)
	}
	return nil
}

// extract writes one file of a gzipped tar to path, and has it on disk when it returns.
func extract(archive io.Reader, name, path string) error {
	z, err := gzip.NewReader(archive)
	if err != nil {
		return fmt.Errorf("open archive: %w", err)
	}
	t := tar.NewReader(z)
	for {
		entry, err := t.Next()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("the archive has no %s", name)
		}
		if err != nil {
			return fmt.Errorf("read archive: %w", err)
		}
		if entry.Name != name {
			continue
		}
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, t)
		if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
			return fmt.Errorf("extract %s: %w", name, err)
		}
		return nil
	}
}
