#!/bin/sh
# Listing: as commands, of one chain, as tables, with counters and numbers; counters set to zero.
sudo iptables -N TCP
sudo iptables -A INPUT -i lo -j ACCEPT
sudo iptables -A INPUT -p tcp -m conntrack --ctstate NEW -j TCP
sudo iptables -A TCP -p tcp --dport 22 -j ACCEPT
sudo iptables -A TCP -p tcp --dport 80 -j ACCEPT
sudo iptables -S
sudo iptables -S TCP
sudo iptables -L
sudo iptables -L INPUT
sudo iptables -L INPUT -v
sudo iptables -L -n -v -x --line-numbers
sudo iptables -L --line-numbers
sudo iptables -Z
sudo iptables -Z INPUT
sudo iptables -Z INPUT 1
