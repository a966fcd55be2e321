#!/bin/sh
# Ports belong to a protocol: --dport needs -p tcp or -p udp.
sudo iptables -A INPUT --dport 22 -j ACCEPT
