#!/bin/sh
# Everything open and empty again: policies first, so that nobody is locked out, then every table.
sudo iptables -A INPUT -i lo -j ACCEPT
sudo iptables -N TCP
sudo iptables -P INPUT DROP
sudo iptables -P INPUT ACCEPT
sudo iptables -P FORWARD ACCEPT
sudo iptables -P OUTPUT ACCEPT
sudo iptables -t nat -F
sudo iptables -t mangle -F
sudo iptables -F
sudo iptables -X
