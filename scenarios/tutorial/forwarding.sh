#!/bin/sh
# From an internal network (eth1) to the external one (eth0), and the answers back.
sudo iptables -P FORWARD DROP
sudo iptables -A FORWARD -i eth1 -o eth0 -j ACCEPT
sudo iptables -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
