// Istio's control plane, its agents beside a pod's Envoy and on a node, and its command line in one program, chosen
// by the name that it is called by: one link instead of four, and the parts share their code on disk.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"
	meshconfig "istio.io/api/mesh/v1alpha1"
	node "istio.io/istio/cni/pkg/cmd"
	istioctl "istio.io/istio/istioctl/cmd"
	agent "istio.io/istio/pilot/cmd/pilot-agent/app"
	discovery "istio.io/istio/pilot/cmd/pilot-discovery/app"
	istioagent "istio.io/istio/pkg/istio-agent"
	"istio.io/istio/pkg/log"
	"istio.io/istio/pkg/security"
	"istio.io/istio/security/pkg/nodeagent/sds"
)

func main() {
	command, err := called(filepath.Base(os.Args[0]))
	if err == nil {
		log.EnableKlogWithCobra()
		err = command.Execute()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(istioctl.GetExitCode(err))
	}
}

func called(name string) (*cobra.Command, error) {
	switch name {
	case "istioctl":
		if err := istioctl.ConfigAndEnvProcessing(); err != nil {
			return nil, err
		}
		return istioctl.GetRootCmd(os.Args[1:]), nil
	case "pilot-discovery":
		return discovery.NewRootCommand(), nil
	case "pilot-agent":
		return agent.NewRootCommand(certificates), nil
	case "install-cni":
		ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		command := node.GetCommand()
		command.SetContext(ctx)
		return command, nil
	}
	return nil, fmt.Errorf("call this by the name of a part of Istio, not %q", name)
}

func certificates(
	options *security.Options, kept security.SecretManager, keys *meshconfig.PrivateKeyProvider,
) istioagent.SDSService {
	return sds.NewServer(options, kept, keys)
}
