#!/bin/sh
# Default policies: drop what comes in or through unless a rule accepts it, let out what this host
# sends.
sudo iptables -P INPUT DROP
sudo iptables -P FORWARD DROP
sudo iptables -P OUTPUT ACCEPT
