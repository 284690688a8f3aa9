package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"journeys/internal/dev/sam"
	"journeys/internal/manifest"
)

// serveSAM serves the API from SAM CLI's containers until ctx ends.
func serveSAM(ctx context.Context) error {
	port, err := readPort(3000)
	if err != nil {
		return err
	}
	ephemeral, err := readSwitch("EPHEMERAL")
	if err != nil {
		return err
	}
	// SAM CLI listens on the port itself. This makes a second run on the same port
	// fail early.
	listener, err := listen(ctx, port)
	if err != nil {
		return err
	}
	if err := listener.Close(); err != nil {
		return err
	}
	data := filepath.Join(".local", strconv.Itoa(port))
	if ephemeral {
		data = ""
	}
	cli, err := openSAM(ctx, data)
	if err != nil {
		return err
	}
	defer cli.Stop()
	url, ended, err := cli.Serve(ctx, port)
	if err != nil {
		return err
	}
	fmt.Printf("\nSAM CLI serves the API at %s%s. Ctrl-C stops it. make token prints a token.\n\nready %s\n",
		url, manifest.BasePath, url)
	select {
	case <-ctx.Done():
		fmt.Println("stopping")
		return nil
	case <-ended:
		return errors.New("SAM CLI stopped unexpectedly")
	case <-cli.DynamoDB.Ended():
		return errors.New("DynamoDB Local stopped unexpectedly")
	}
}

// invokeSAM calls FUNCTION with its event in events/. The table is empty, and is
// dropped after the call.
func invokeSAM(ctx context.Context) error {
	functions := manifest.Functions()
	i := slices.IndexFunc(functions, func(f manifest.Function) bool { return f.LogicalID() == os.Getenv("FUNCTION") })
	if i < 0 {
		var names []string
		for _, f := range functions {
			names = append(names, f.LogicalID())
		}
		return fmt.Errorf("set FUNCTION to one of %s", strings.Join(names, ", "))
	}
	cli, err := openSAM(ctx, "")
	if err != nil {
		return err
	}
	defer cli.Stop()
	err = cli.Invoke(ctx, functions[i], filepath.Join("events", functions[i].Name+".json"))
	fmt.Println() // the answer has no newline at its end
	return err
}

// openSAM builds the functions for Linux, the system of the containers, and
// starts what they need.
func openSAM(ctx context.Context, data string) (*sam.CLI, error) {
	if _, err := exec.LookPath("sam"); err != nil {
		return nil, sam.ErrNotInstalled
	}
	if err := prepare(ctx, ".", "linux/"+runtime.GOARCH); err != nil {
		return nil, err
	}
	fmt.Fprintln(os.Stderr, "starting DynamoDB Local and SAM CLI")
	return sam.Open(ctx, sam.Options{Root: ".", Data: data, Out: os.Stdout, Log: os.Stderr})
}
