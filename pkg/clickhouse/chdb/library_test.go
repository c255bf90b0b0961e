package chdb

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// archive makes an npm package with one file.
func archive(t *testing.T, name, content string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(content)), Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// fakeNPM puts an npm on the PATH that packs data, counts its calls in a file, and leaves with the given status.
func fakeNPM(t *testing.T, data []byte, status int) (calls func() int) {
	t.Helper()
	bin := t.TempDir()
	tgz, count := filepath.Join(bin, "package.bin"), filepath.Join(bin, "count")
	if err := os.WriteFile(tgz, data, 0o600); err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("#!/bin/sh\necho call >> %q\n[ %d = 0 ] || { echo npm error nothing there >&2; exit %[2]d; }\ncp %q \"$4/fetched.tgz\"\n", count, status, tgz)
	if err := os.WriteFile(filepath.Join(bin, "npm"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":/usr/bin:/bin")
	return func() int {
		b, _ := os.ReadFile(count) // none, no calls
		return bytes.Count(b, []byte("\n"))
	}
}

func testPackage(data []byte) pkg {
	sum := sha512.Sum512(data)
	return pkg{
		name: "@chdb/lib-test", version: "1.2.3", integrity: "sha512-" + base64.StdEncoding.EncodeToString(sum[:]),
		file: "package/libchdb.so", size: int64(len("the library")), download: "little",
	}
}

func TestTheLibraryIsFetchedOnceByMany(t *testing.T) {
	data := archive(t, "package/libchdb.so", "the library")
	calls := fakeNPM(t, data, 0)
	cache := t.TempDir()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			path, err := testPackage(data).library(t.Context(), cache, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Error(err)
				return
			}
			if got, err := os.ReadFile(path); err != nil || string(got) != "the library" {
				t.Errorf("the library is %q, error %v", got, err)
			}
		})
	}
	wg.Wait()
	if calls() != 1 {
		t.Errorf("npm was called %d times", calls())
	}
	if left, err := filepath.Glob(filepath.Join(cache, "chdb", "1.2.3", "fetch-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, error %v", left, err)
	}
}

func TestATornLibraryIsFetchedAgain(t *testing.T) {
	data := archive(t, "package/libchdb.so", "the library")
	calls := fakeNPM(t, data, 0)
	cache := t.TempDir()
	dir := filepath.Join(cache, "chdb", "1.2.3")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "libchdb.so"), []byte("the lib"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := testPackage(data).library(t.Context(), cache, slog.New(slog.DiscardHandler)); err != nil || calls() != 1 {
		t.Errorf("error %v, npm was called %d times", err, calls())
	}
}

func TestALibraryThatCannotBeHadNamesTheWayOut(t *testing.T) {
	good := archive(t, "package/libchdb.so", "the library")
	for _, test := range []struct {
		name   string
		served []byte
		status int
		pkg    pkg
		want   string
	}{
		{"npm fails", good, 1, testPackage(good), "npm error nothing there"},
		{"the registry serves something else", archive(t, "package/libchdb.so", "a trojan"), 0, testPackage(good), "integrity is sha512-"},
		{"the archive lacks the library", archive(t, "other", "x"), 0, testPackage(archive(t, "other", "x")), "the archive has no package/libchdb.so"},
		{"the library is of another size", archive(t, "package/libchdb.so", "x"), 0, testPackage(archive(t, "package/libchdb.so", "x")), "is not of 11 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			fakeNPM(t, test.served, test.status)
			cache := t.TempDir()
			_, err := test.pkg.library(t.Context(), cache, slog.New(slog.DiscardHandler))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want %q", err, test.want)
			}
			if _, err := os.Stat(filepath.Join(cache, "chdb", "1.2.3", "libchdb.so")); err == nil {
				t.Error("it is in the cache all the same")
			}
		})
	}
	t.Run("there is no npm", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		_, err := testPackage(good).library(t.Context(), t.TempDir(), slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), "npm is not installed") || !strings.Contains(err.Error(), "PENSTOCK_CLICKHOUSE") {
			t.Errorf("error is %v", err)
		}
	})
}

func TestTheCacheFolderIsTheUsersChoice(t *testing.T) {
	t.Setenv("PENSTOCK_CACHE", "/somewhere/else")
	if dir, err := CacheDir(); err != nil || dir != "/somewhere/else" {
		t.Errorf("it is %s, error %v", dir, err)
	}
	t.Setenv("PENSTOCK_CACHE", "")
	t.Setenv("HOME", "")
	t.Setenv("XDG_CACHE_HOME", "")
	if _, err := CacheDir(); err == nil || !strings.Contains(err.Error(), "PENSTOCK_CACHE") {
		t.Errorf("without a home, error is %v", err)
	}
}
