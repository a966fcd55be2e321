#!/bin/sh
# Packets that connection tracking can make no sense of.
sudo iptables -A INPUT -m conntrack --ctstate INVALID -j DROP
